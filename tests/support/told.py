"""What clients were told, against the log, once every command has had its answer."""

from shared.audit import audit
from shared.database import connect
from tests.support.history import Answer, LookUp
from tests.support.history_checks import broken_promises
from tests.support.posting import until
from tests.support.recorded_log import recorded_log


def check_log(databases, history):
    """The log is whole, and holds of each key just what was told (I34, I38). Gives how many events it holds."""
    with connect(databases.events_url, databases.book.names["admin_role"]) as admin:
        assert audit(admin, databases.book).findings == []
    log = recorded_log(databases)
    assert broken_promises(history, log) == []
    accepted = {key for key, command in history.commands().items() if command.answer}
    assert set(log.answers) == accepted, "whoever insists is told in the end"
    return len(log.events)


def look_up(clients, told):
    """Have the service say later what became of these; `check_log` compares."""
    for one in told:
        url = f"{clients.house.url}/v1/commands/{one.sent.key}"
        answer = until(lambda url=url: _said(clients, url), f"{one.sent.key} is looked up")
        clients.history.look_ups.append(LookUp(one.sent.key, answer))


def _said(clients, url):
    """What it says, unless it says that it cannot now."""
    answer = Answer.of(clients.http.get(url))
    return not answer.retryable and answer
