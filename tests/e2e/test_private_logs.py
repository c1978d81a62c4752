"""Nothing personal gets into logs and metrics (I49): a marked customer goes through everything, mistakes included."""

import json
import os
import re
import socket
import sys
import threading
from urllib.parse import quote, urlsplit

import httpx
import pytest

from shared.database import connect
from tests.support.posting import until
from tests.support.processes import DEADLINE, line_of, running

PERSON = {
    "name": "Zorbelina Quaxenheim",
    "email": "zorbelina@quaxmail.example",
    "phone": "+49 555 7788123",
    "street": "Trumpelgasse 17",
    "note": "geheimnisvolle Tortenwuensche",
}
MARKS = re.compile(r"zorbel|quax|555\W*7788123|trumpel|geheim|torten", re.IGNORECASE)
"""Nothing that times and random ids could look like."""

ADDRESS = {"name": PERSON["name"], "line1": PERSON["street"], "city": "Quaxstadt", "postal_code": "53111", "country": "DE"}
ORDER = {
    "currency": "EUR",
    "prices_include_tax": False,
    "customer": {"customer_id": "c-1", **{key: PERSON[key] for key in ("name", "email", "phone")}},
    "shipping_address": ADDRESS | {"phone": PERSON["phone"]},
    "note": PERSON["note"],
    "lines": [{"sku": "MUG-1", "name": "Mug", "quantity": 1, "unit_price_amount": 1999}],
}
TERMINATE = """
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


@pytest.fixture
def house(migrated, tmp_path):
    """All of Daybook with one log: `said` has its lines, `ready` where it is, `end` ends it, so that all is said."""
    ready_file = tmp_path / "ready.json"
    environment = os.environ | {
        "DAYBOOK_DATABASE_URL": migrated.events_url,
        "DAYBOOK_DATA_DIR": str(tmp_path / "data"),
        "DAYBOOK_LOG_FORMAT": "json",
        "DAYBOOK_VERIFY_INTERVAL": "0.3",
        "DAYBOOK_COMMAND_DEADLINE": "30",
        "DAYBOOK_QUERY_DEADLINE": "60",
        "DAYBOOK_READY_FILE": str(ready_file),
    }
    ports = ("--command-port", "0", "--query-port", "0")
    with running(sys.executable, "-m", "shared.cli", "up", *ports, env=environment) as process:
        line_of(process, "Daybook is ready")
        process.said = []
        reading = threading.Thread(target=lambda: process.said.extend(process.stdout), daemon=True)
        reading.start()
        process.ready = json.loads(ready_file.read_text())

        def end():
            process.terminate()
            assert process.wait(DEADLINE) == 0
            reading.join(DEADLINE)

        process.end = end
        yield process


def mistakes(client, order):
    """Requests that go wrong, each with something personal in it."""
    orders = "/v1/orders"
    text = {"Content-Type": "application/json"}
    return [
        client.post(orders, content=b'{"customer": {"name": "Zorbelina", }', headers=text),
        client.post(orders, content=json.dumps(ORDER | {"currency": PERSON["name"]}), headers=text),
        client.post(orders, content=json.dumps(ORDER | {PERSON["name"]: 1}), headers=text),
        client.post(orders, content=json.dumps(ORDER | {"lines": PERSON["note"]}), headers=text),
        client.post(orders, content=json.dumps(ORDER), headers={"Content-Type": PERSON["email"]}),
        client.post(orders, json=ORDER, headers={"Idempotency-Key": "x " + PERSON["note"]}),
        client.post(orders, json=ORDER, headers={"If-Match": PERSON["email"]}),
        client.post(f"{order}/notes", json={"body": PERSON["note"], "visibility": PERSON["name"]}),
        client.post(f"{order}/cancel", json={"reason": PERSON["name"]}),
        client.post(f"/v1/orders/{PERSON['email']}/confirm"),
        client.request(PERSON["name"].partition(" ")[0].upper(), orders),
        client.get(f"/{PERSON['email']}"),
    ]


def searches(client, order):
    """Reads that name somebody, some of which make no sense."""
    name, email = quote(PERSON["name"]), quote(PERSON["email"])
    paths = (
        order,
        f"{order}/timeline",
        f"{order}/events",
        f"/v1/orders?q={name}",
        f"/v1/orders?{name}=1",
        f"/v1/orders?status={name}",
        f"/v1/orders?cursor={email}",
        f"/v1/customers?email={email}",
        f"/v1/customers/{email}",
        f"/v1/customers/{email}/orders",
        f"/v1/orders/by-number/{name}",
        f"/v1/orders/by-external-id/web/{email}",
        f"/v1/events?after={name}",
        f"/{name}",
    )
    csv = client.get("/v1/orders", headers={"Accept": "text/csv"})
    return [*(client.get(path) for path in paths), csv, client.get("/v1/orders", headers={"Consistency-Token": email})]


def garbage(url):
    """Something that is not HTTP."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=60) as wire:
        wire.sendall(f"{PERSON['name']}\r\n{PERSON['email']}\r\n\r\n".encode())
        wire.recv(4096)


def test_neither_logs_nor_metrics_have_anything_personal_in_them(house, migrated):
    bearer = {"Authorization": f"Bearer {house.ready['token']}"}
    with (
        httpx.Client(base_url=house.ready["command_url"], headers=bearer, timeout=60) as writes,
        httpx.Client(base_url=house.ready["query_url"], headers=bearer, timeout=60) as reads,
    ):
        made = writes.post("/v1/orders", json=ORDER)
        assert made.status_code == 201, made.text
        order = f"/v1/orders/{made.json()['order_id']}"
        noted = writes.post(f"{order}/notes", json={"body": PERSON["note"]})
        token = {"Consistency-Token": noted.headers["Consistency-Token"], "Prefer": "wait=20"}
        assert PERSON["name"] in reads.get(order, headers=token).text
        statuses = [answer.status_code for answer in (*mistakes(writes, order), *searches(reads, order))]
        assert statuses.count(200) >= 6 and sum(status >= 400 for status in statuses) >= 15
        garbage(house.ready["command_url"])
        with connect(migrated.events_url) as database:  # all connections break
            database.execute(TERMINATE)
        again = [writes.post(f"{order}/notes", json={"body": PERSON["note"]}).status_code for _ in range(5)]
        until(lambda: reads.get(f"/v1/orders?q={quote(PERSON['name'])}").status_code == 200, "reads come back")
        metrics = writes.get("/metrics").text + reads.get("/metrics").text
    house.end()
    said = b"".join(house.said).decode().replace(house.ready["token"], "")  # random letters
    assert set(again) <= {201, 503}
    assert not MARKS.findall(metrics), MARKS.findall(metrics)
    assert not MARKS.findall(said), [line for line in said.splitlines() if MARKS.search(line)]
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    told = [line for line in lines if line["logger"] == "shared.request_lines"]
    assert len(told) >= 35 and all(line["request_id"] for line in told)
    assert {line["component"] for line in told} == {"command-api", "query-api"}
    assert any(line["logger"] == "projector.batch_lines" and line["events"] >= 2 for line in lines)
