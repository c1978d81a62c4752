"""The write side's log: a persistence module of the `eventsourcing` library, and the store that commands use.

Only this package imports the library; its words (originator, topic, notification) stay in here. Appending is
`shared/group_commit.py`; reading for everybody else is `shared/event_log.py`.
"""

from shared.event_store.mapper import EventMapper, StreamEvent
from shared.event_store.recorder import LogRecorder, LogSubscription
from shared.event_store.store import PATIENCE, EventStore, Fresh, Known

__all__ = ["PATIENCE", "EventMapper", "EventStore", "Fresh", "Known", "LogRecorder", "LogSubscription", "StreamEvent"]
