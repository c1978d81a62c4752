"""What a process tells when it is asked: also while a database keeps what is looked up there to itself."""

from math import isnan, nan
from threading import Event

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared import telling
from shared.metric_list import LEADER, POSITION, PROJECTOR
from shared.metric_registry import Registry
from shared.telling import Telling


def value(told, metric):
    shown = told.shown(told.registry).decode()
    return next(one.samples[0].value for one in text_string_to_metric_families(shown) if one.name == metric.name)


@pytest.fixture
def told():
    return Telling(Registry(PROJECTOR))


def test_gauges_are_looked_up_whenever_somebody_asks(told):
    positions = iter([7, 8])
    told.add_look([(POSITION, nan)], lambda: [(POSITION, next(positions))])
    assert [value(told, POSITION) for _ in range(2)] == [7, 8]


def test_a_database_that_hangs_hides_only_what_is_looked_up_there(told, monkeypatch):
    monkeypatch.setattr(telling, "PATIENCE", 0.05)
    answers, begun, asked = Event(), Event(), []

    def look():
        asked.append(1)
        begun.set()
        assert answers.wait(60)
        return [(POSITION, 7)]

    told.add_look([(POSITION, nan)], look)
    for _ in range(3):
        assert isnan(value(told, POSITION))
        assert value(told, LEADER) == 0
    assert begun.wait(60) and len(asked) == 1, "who hangs is not asked again"
    answers.set()
    told._looking.join(60)
    monkeypatch.setattr(telling, "PATIENCE", 60)
    assert value(told, POSITION) == 7
