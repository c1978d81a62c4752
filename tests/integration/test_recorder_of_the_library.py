"""The library's own test cases, unmodified, over our recorder."""

import pytest
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from shared.event_store import LogRecorder


@pytest.fixture(autouse=True)
def recorder_of_this_test(request, migrated):
    recorder = LogRecorder(migrated.events_url, migrated.book, seconds=60)
    request.instance.recorder = recorder
    yield
    recorder.close()


class TestApplicationRecorder(ApplicationRecorderTestCase[LogRecorder]):
    def create_recorder(self) -> LogRecorder:
        return self.recorder


class TestNonInterleavingPositions(NonInterleavingNotificationIDsBaseCase):
    insert_num = 1000

    def create_recorder(self) -> LogRecorder:
        return self.recorder


del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase
