"""What clients were told, against the log: history is as if each command had been sent once."""

from urllib.parse import urlsplit

from shared.audit import audit
from shared.database import connect

BY_KEY = """
SELECT e.state::jsonb ->> 'idempotency_key',
    array_agg(DISTINCT e.state::jsonb ->> 'command_id'),
    array_agg(e.stream_id::text || ' ' || e.version || ' ' || e.type ORDER BY e.position),
    max(e.position)
FROM {events}.event e
GROUP BY 1
"""
ANSWERS = "SELECT a.key, a.status, a.body, a.etag, a.location, a.position, a.command_id::text FROM {events}.answer a"


def check_log(databases, told):
    """The log is whole, and holds of each key just what was told (I34, I38). Gives how many events it holds."""
    book = databases.book
    accepted = {one.sent.key: one for one in told if one.accepted}
    with connect(databases.events_url, book.names["admin_role"]) as admin:
        audited = audit(admin, book)
        assert audited.findings == []
        extent = admin.execute(book.sql("SELECT count(*), min(position), max(position) FROM {events}.event")).fetchone()
        assert extent == (audited.events, 1, audited.events), "gapless"
        events = {key: rest for key, *rest in admin.execute(book.sql(BY_KEY))}
        answers = {key: rest for key, *rest in admin.execute(book.sql(ANSWERS))}
        log_id = admin.execute(book.sql("SELECT id FROM {events}.log")).fetchone()[0]
    assert set(answers) == set(accepted)
    assert set(events) == {key for key, one in accepted.items() if one.json["events"]}
    for key, (status, body, etag, location, position, command_id) in answers.items():
        one = accepted[key]
        assert one.answer == (status, body.encode(), etag, f"{log_id}.{position}", location), key
        if key in events:
            shown = [f"{one.json['order_id']} {event['version']} {event['type']}" for event in one.json["events"]]
            assert events[key] == [[command_id], shown, position], key
    assert sum(len(one.json["events"]) for one in accepted.values()) == audited.events
    return audited.events


def check_look_up(clients, told):
    """Who asks later what became of a key is told the same."""
    for one in told:
        response = clients.http.get(f"{clients.house.url}/v1/commands/{one.sent.key}")
        if one.accepted:
            assert (response.status_code, response.content) == (one.status, one.body), one
            assert urlsplit(response.headers.get("Location", "")).path == one.headers.get("Location", "")
        else:
            assert response.status_code == 404, one
