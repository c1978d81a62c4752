"""Log lines: for machines or people, with what they need, without what they must not have."""

import json
import logging
import sys

import psycopg
import pytest

from shared import logs
from shared.anticipated import Anticipated


@pytest.fixture
def line():
    """What is written for a record."""
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def written(capsys, level=logging.INFO, message="done", **facts):
        logging.getLogger("daybook.test").log(level, message, **facts)
        return capsys.readouterr().err

    yield written
    root.handlers[:], root.level = before


@pytest.fixture(autouse=True)
def no_context(monkeypatch):
    monkeypatch.setattr(logs, "_contexts", [])


def test_machines_get_json_with_every_fact(line, capsys, monkeypatch):
    monkeypatch.setenv("DAYBOOK_LOG_FORMAT", "json")
    logs.configure("projector")
    logs.add_context(lambda: {"request_id": "r-1"})
    logging.getLogger("daybook.test").info("posted %s events", 7, extra={"position": 12})
    found = json.loads(capsys.readouterr().err)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info",
        "component": "projector",
        "logger": "daybook.test",
        "message": "posted 7 events",
        "request_id": "r-1",
        "position": 12,
    }


def test_people_get_a_plain_line(line, capsys, monkeypatch):
    monkeypatch.setenv("DAYBOOK_LOG_FORMAT", "text")
    logs.configure("projector")
    assert line(capsys, logging.WARNING, "late", extra={"lag": 2})[12:].strip() == "projector   warning: late lag=2"


def test_levels_are_obeyed(line, capsys, monkeypatch):
    monkeypatch.setenv("DAYBOOK_LOG_LEVEL", "error")
    logs.configure("projector")
    assert line(capsys, logging.WARNING) == ""


def test_an_unknown_level_is_one_sentence(monkeypatch):
    monkeypatch.setenv("DAYBOOK_LOG_LEVEL", "loud")
    with pytest.raises(Anticipated, match="DAYBOOK_LOG_LEVEL=loud: expected debug, info"):
        logs.configure("projector")


def test_a_trace_shows_its_causes_but_no_row_of_the_database(line, capsys, monkeypatch):
    said = "duplicate key value\nDETAIL: Key (email)=(ada@example.org) already exists."

    class Refused(psycopg.IntegrityError):
        class diag:  # noqa: N801 -- psycopg's name
            message_primary = "duplicate key value"

    monkeypatch.setenv("DAYBOOK_LOG_FORMAT", "json")
    logs.configure("projector")

    def write():
        raise Refused(said)

    def work():
        try:
            write()
        except Refused as error:
            raise RuntimeError("cannot write") from error

    try:
        work()
    except RuntimeError:
        written = line(capsys, logging.ERROR, "fault", exc_info=sys.exc_info())
    shown = json.loads(written)["exception"]
    assert "ada@example.org" not in written
    assert shown.index("Refused: duplicate key value") < shown.index("RuntimeError: cannot write")


def test_what_cannot_be_encoded_is_logged_all_the_same(line, capsys, monkeypatch):
    monkeypatch.setenv("DAYBOOK_LOG_FORMAT", "json")
    logs.configure("projector")
    assert json.loads(line(capsys, extra={"path": object}))["path"]
    assert json.loads(line(capsys, message="half a pair \ud800"))["message"] == "half a pair \ud800"
