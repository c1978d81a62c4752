"""A shop for tests of the query API: orders are written, posted on request, and read over HTTP."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from werkzeug.test import TestResponse

from command_api.handling import Handling
from projector.daemon import run_once
from query_api.app import opened
from query_api.settings import Settings
from shared import auth
from shared.database import Connection, connect
from shared.environment import Databases
from tests.support.orders import creation, handling

SECRET = "a secret of the tests, long enough"
BEARER = "Bearer " + auth.mint(SECRET, "reader", ("orders:read", "reports:read"), 3600)


def settings(databases: Databases, **rest: Any) -> Settings:
    wanted = {"events_url": databases.events_url} | rest
    return Settings(
        book=databases.book, reads_url=databases.reads_url, verify=auth.shared_secret(SECRET), **wanted
    )


@dataclass
class Shop:
    """One book with its write side, its projector on request, and the query API's client."""

    databases: Databases
    client: Any
    admin: Connection
    writing: Handling = field(repr=False)

    def place(self, **fields) -> UUID:
        order = creation(self.writing.store, **fields)
        self.writing.handle(order)
        return order.order_id

    def post(self) -> int:
        return run_once(self.databases).position

    def placed_and_posted(self, **fields) -> UUID:
        order_id = self.place(**fields)
        self.post()
        return order_id

    def get(self, path: str, bearer: str | None = BEARER, method: str = "GET", **headers: str) -> TestResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer:
            sent["Authorization"] = bearer
        return self.client.open(path, method=method, headers=sent)

    def token(self, position: int, log_id: str | None = None) -> str:
        if log_id is None:
            log_id = self.admin.execute("SELECT id FROM events.log").fetchone()[0]
        return f"{log_id}.{position}"

    def list_rows(self, rows: list[dict[str, Any]]) -> None:
        """Put rows into `order_list` that differ from a posted order's in these columns."""
        self.admin.cursor().executemany(
            """
            INSERT INTO reads.order_list
            SELECT changed.*
            FROM (SELECT * FROM reads.order_list LIMIT 1) AS present,
                jsonb_populate_record(present, %s::jsonb) AS changed
            """,
            [[row_json(row)] for row in rows],
        )


def row_json(row: dict[str, Any]) -> str:
    import json  # noqa: PLC0415

    order_id = str(row.get("order_id") or uuid4())
    return json.dumps({"number": None, "external_id": None, "item": json.dumps({"order_id": order_id})} | row | {"order_id": order_id})


@contextmanager
def open_shop(databases: Databases, **rest: Any):
    writing = handling(databases)
    try:
        with opened(settings(databases, **rest)) as app, connect(databases.reads_url) as admin:
            yield Shop(databases, app.test_client(), admin, writing)
    finally:
        writing.store.close()
