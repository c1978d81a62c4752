"""The checker of histories finds each kind of broken promise: in what clients recorded, and in the database."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from command_api.app import opened
from command_api.settings import Settings
from shared import auth
from shared.database import connect
from shared.environment import Book, Databases
from shared.migrate import migrate
from tests.support.command_api import ORDER, SECRET, bearer
from tests.support.history import Answer, Attempt, History, LookUp, Read, Sent, now
from tests.support.history_checks import broken_promises
from tests.support.recorded_log import read_log, recorded_log

NOT_APPLIED = Answer(503, b'{"code":"store_unavailable","retryable":true,"outcome":"not_applied"}')
OVERLOADED = Answer(503, b'{"code":"overloaded","retryable":true}')
UNKNOWN = Answer(503, b'{"code":"store_unavailable","retryable":true,"outcome":"unknown"}')
NOT_FOUND = Answer(404, b'{"code":"order_not_found","retryable":false}')


class Recorder:
    """A client of an app in this process."""

    def __init__(self, app):
        self.http = httpx.Client(transport=httpx.WSGITransport(app), base_url="http://daybook", headers=bearer())
        self.history = History()

    def send(self, key, path, body, if_match=None):
        sent = Sent(key, path, body, if_match)
        invoked = now()
        answer = Answer.of(self.http.post(path, json=body, headers=sent.headers))
        self.history.attempts.append(Attempt(sent, invoked, now(), answer))
        return answer

    def replay(self, sent):
        answer = Answer.of(self.http.post(sent.path, json=sent.body, headers=sent.headers))
        self.history.replays.append(Attempt(sent, now(), now(), answer))

    def look_up(self, key):
        self.history.look_ups.append(LookUp(key, Answer.of(self.http.get(f"/v1/commands/{key}"))))


@pytest.fixture(scope="module")
def databases(database_of_module):
    migrate(database_of_module, database_of_module, Book())
    return Databases(Book(), database_of_module, database_of_module)


@pytest.fixture(scope="module")
def whole(databases):
    """A history in which something of everything happened, as it did."""
    verify = auth.shared_secret(SECRET)
    settings = Settings(book=databases.book, events_url=databases.events_url, verify=verify, deadline=60.0)
    with opened(settings) as app:
        client = Recorder(app)
        history = client.history
        path = f"/v1/orders/{client.send('create', '/v1/orders', ORDER | {'external_id': 'shop-1'}).json['order_id']}"
        client.send("other", "/v1/orders", ORDER)
        client.send("confirm", f"{path}/confirm", {}, '"2"')
        client.send("note", f"{path}/notes", {"body": "rang twice"})
        client.send("confirm-again", f"{path}/confirm", {})
        client.send("refused", f"{path}/place", {})
        client.send("too-late", f"{path}/notes", {"body": "rang"}, '"1"')
        client.send("too-much", f"{path}/lines/L1/cancel", {"quantity": 9, "reason": "inventory"})
        client.send("in-doubt", f"{path}/notes", {"body": "rang thrice"})
        history.attempts[-1] = replace(history.attempts[-1], answer=None)
        history.attempts.append(replace(history.attempts[-1], sent=Sent("lost", f"{path}/confirm", {})))
        for key in ("create", "in-doubt", "lost", "refused"):
            client.look_up(key)
        client.replay(history.attempts[0].sent)
    order_id = path.rpartition("/")[2]
    for version, at_least, strict in ((2, 2, False), (4, 3, False), (5, 0, True)):
        history.reads.append(Read(order_id, strict, at_least, now(), now(), 200, version, f"digest {version}"))
    history.reads.append(Read(order_id, False, 5, now(), now(), 503, 0))
    log = recorded_log(databases)
    history.feed += [row.position for row in log.events]
    return history, log


def test_what_went_well_breaks_no_promise(whole):
    assert broken_promises(*whole) == []


def place(history, key):
    return next(n for n, one in enumerate(history.attempts) if one.sent.key == key)


def answered(history, key, answer):
    at = place(history, key)
    history.attempts[at] = replace(history.attempts[at], answer=answer)


def told(history, key, **changes):
    answered(history, key, replace(history.attempts[place(history, key)].answer, **changes))


def again(history, key, answer):
    """The same command once more, later."""
    first = history.attempts[place(history, key)]
    history.attempts.append(Attempt(first.sent, now(), now(), answer))


def read(history, version, **changes):
    history.reads.append(replace(history.reads[0], version=version, digest=f"digest {version}", **changes))


def row_of(log, key):
    return next(n for n, row in enumerate(log.events) if row.key == key)


def changed(log, key, **changes):
    log.events[row_of(log, key)] = replace(log.events[row_of(log, key)], **changes)


def lost(history, log):
    del log.answers["note"]
    del log.events[row_of(log, "note")]


def doubled(history, log):
    row = log.events[row_of(log, "note")]
    log.events.append(replace(row, position=len(log.events) + 1, version=row.version + 1, command_id="another"))


def nobody_sent(history, log):
    del history.attempts[place(history, "note")]


def acknowledged_before(history, log):
    at = place(history, "note")
    first = history.attempts[0]
    history.attempts[at] = replace(history.attempts[at], invoked=first.invoked - 2, returned=first.invoked - 1)


def swapped(history, log):
    """Two orders of the log change places."""
    one, other = row_of(log, "other"), row_of(log, "confirm")
    log.events[one], log.events[other] = (
        replace(log.events[other], position=log.events[one].position),
        replace(log.events[one], position=log.events[other].position),
    )


def without_its_answer(history, log):
    del log.answers["in-doubt"]


def shorter_by_one_event(history, log):
    stored = log.answers["note"]
    log.answers["note"] = replace(stored, answer=replace(stored.answer, body=stored.answer.body.replace(b"note_added", b"note_gone")))


def same_number(history, log):
    one, other = (row for row in log.events if row.type == "order.placed")
    log.events[other.position - 1] = replace(other, number=one.number)


def one_claim_less(history, log):
    log.claims.pop(next(key for key in log.claims if key.startswith("number:")))


def looked_up_otherwise(history, log):
    history.look_ups[0] = replace(history.look_ups[0], answer=replace(history.look_ups[0].answer, body=b"{}"))


def replayed_otherwise(history, log):
    again_ = history.replays[0]
    history.replays[0] = replace(again_, answer=replace(again_.answer, body=again_.answer.body + b" "))


def not_said_to_be_replayed(history, log):
    history.replays[0] = replace(history.replays[0], answer=replace(history.replays[0].answer, replayed=False))


BROKEN = {
    "an acknowledged write is lost": ("nothing lost", lost),
    "a write is doubled": ("exactly once", doubled),
    "a write that nobody sent": ("exactly once", nobody_sent),
    "a write without its answer": ("exactly once", without_its_answer),
    "a write that is not what was answered": ("nothing lost", shorter_by_one_event),
    "applied although it was told that it is not": ("truthful", lambda h, _: answered(h, "note", NOT_APPLIED)),
    "applied although nothing was to be done": ("truthful", lambda h, _: answered(h, "note", OVERLOADED)),
    "applied although it was refused": ("truthful", lambda h, _: answered(h, "note", h.attempts[place(h, "too-much")].answer)),
    "told another body": ("told the same", lambda h, _: told(h, "note", body=h.attempts[0].answer.body)),
    "told another token": ("told the same", lambda h, _: told(h, "note", token="x.1")),
    "told another ETag": ("told the same", lambda h, _: told(h, "confirm-again", etag='"9"')),
    "acknowledged, then refused": ("told the same", lambda h, _: again(h, "note", h.attempts[place(h, "too-much")].answer)),
    "began after what stands behind it": ("real-time order", acknowledged_before),
    "stands in the order of nobody's doing": ("real-time order", swapped),
    "refused for what is long past": ("up to date", lambda h, _: told(h, "too-much", body=b'{"version":1,"code":"x"}')),
    "nothing to change, as of long ago": ("up to date", lambda h, _: told(h, "confirm-again", etag='"2"')),
    "an order that is there is not found": ("nothing lost", lambda h, _: answered(h, "refused", NOT_FOUND)),
    "If-Match is not obeyed": ("If-Match", lambda _, log: changed(log, "confirm", version=4)),
    "a fault": ("odd", lambda h, _: answered(h, "refused", Answer(500, b"{}"))),
    "a key that is said to be reused": ("odd", lambda h, _: answered(h, "refused", Answer(422, b'{"code":"idempotency_key_reused"}'))),
    "something odd": ("odd", lambda h, _: h.oddities.append("a feed that answers 418")),
    "a read with a token is stale": ("read your writes", lambda h, _: read(h, 2, at_least=3)),
    "a strict read is stale": ("read your writes", lambda h, _: read(h, 2, strict=True, invoked=now())),
    "an order that was written is not found": ("read your writes", lambda h, _: read(h, 0, status=404)),
    "a read of what was not yet written": ("read what is", lambda h, _: read(h, 5, invoked=0, returned=0)),
    "a read of what never was": ("read what is", lambda h, _: read(h, 77)),
    "one version read in two ways": ("read what is", lambda h, _: h.reads.append(replace(h.reads[0], digest="another"))),
    "a read that fails": ("odd", lambda h, _: read(h, 0, status=500)),
    "the feed leaves out": ("feed", lambda h, _: h.feed.remove(2)),
    "the feed repeats": ("feed", lambda h, _: h.feed.insert(2, 2)),
    "the feed gives what is not there": ("feed", lambda h, _: h.feed.append(len(h.feed) + 1)),
    "looked up and not found": ("look-up", lambda h, _: h.look_ups.append(LookUp("note", NOT_FOUND))),
    "looked up and found what is not": ("look-up", lambda h, _: h.look_ups.append(LookUp("lost", h.look_ups[0].answer))),
    "looked up as something else": ("look-up", looked_up_otherwise),
    "replayed as something else": ("told the same", replayed_otherwise),
    "replayed without saying so": ("told the same", not_said_to_be_replayed),
    "a position left out": ("gapless", lambda _, log: changed(log, "in-doubt", position=len(log.events) + 1)),
    "a version left out": ("gapless", lambda _, log: changed(log, "in-doubt", version=9)),
    "time that goes back": ("time", lambda _, log: changed(log, "in-doubt", recorded_at=log.events[0].recorded_at - timedelta(days=1))),
    "the last seal is missing": ("sealed", lambda _, log: log.seals.pop()),
    "a number given twice": ("claims", same_number),
    "a number that is not claimed": ("claims", one_claim_less),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_it_finds_in_a_history(whole, what):
    promise, break_it = BROKEN[what]
    history, log = deepcopy(whole)
    break_it(history, log)
    assert promise in {one.promise for one in broken_promises(history, log)}


@pytest.mark.parametrize("answer", [None, UNKNOWN], ids=["no answer", "unknown"])
def test_what_was_in_doubt_may_be_in_the_log_or_not(whole, answer):
    history = History(list(whole[0].attempts))
    for key in ("note", "lost"):
        answered(history, key, answer)
    assert broken_promises(history, whole[1]) == []


BY_KEY = "SELECT position FROM events.event WHERE state::jsonb ->> 'idempotency_key' = 'note'"
DAMAGE = {
    "a row deleted": ("nothing lost", f"DELETE FROM events.event WHERE position = ({BY_KEY})"),
    "a row and its answer deleted": (
        "nothing lost",
        f"DELETE FROM events.event WHERE position = ({BY_KEY}); DELETE FROM events.answer WHERE key = 'note'",
    ),
    "a row doubled": (
        "exactly once",
        f"""INSERT INTO events.event
        SELECT h.head + 1, stream_id, version + 100, type, schema_version, state, recorded_at
        FROM events.event, (SELECT max(position) AS head FROM events.event) h WHERE position = ({BY_KEY})""",
    ),
    "another's row": ("exactly once", f"UPDATE events.event SET state = replace(state, '\"note\"', '\"x\"') WHERE position = ({BY_KEY})"),
    "an answer changed": ("told the same", "UPDATE events.answer SET body = body || ' ' WHERE key = 'note'"),
    "an answer deleted": ("nothing lost", "DELETE FROM events.answer WHERE key = 'confirm-again'"),
    "an answer's token changed": ("told the same", "UPDATE events.answer SET position = 1 WHERE key = 'note'"),
    "rows that change places": (
        "gapless",
        f"UPDATE events.event SET position = -1 WHERE position = ({BY_KEY}); UPDATE events.event SET position = position + 1 WHERE position = -1",
    ),
    "a claim deleted": ("claims", "DELETE FROM events.claim WHERE key LIKE 'number:%'"),
    "the last seal deleted": ("sealed", "DELETE FROM events.seal WHERE position = (SELECT max(position) FROM events.seal)"),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_it_finds_in_a_database(whole, databases, what):
    promise, damage = DAMAGE[what]
    with connect(databases.events_url) as superuser, superuser.transaction(force_rollback=True):
        superuser.execute("SET LOCAL session_replication_role = replica")
        superuser.execute(damage)
        damaged = read_log(superuser, databases.book)
    assert promise in {one.promise for one in broken_promises(whole[0], damaged)}
