"""A shop for tests of the query API: orders are written, posted on request, and read over HTTP."""

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from werkzeug.test import TestResponse

from command_api.handling import Handling
from projector.run_once import run_once
from query_api.app import opened
from query_api.listener import Listener
from query_api.settings import Settings
from shared import auth
from shared.database import Connection, connect
from shared.environment import Databases
from tests.support.agreement import assert_documented
from tests.support.orders import creation, handling

SECRET = "a secret of the tests, long enough"
BEARER = "Bearer " + auth.mint(SECRET, "reader", ("orders:read", "reports:read", "events:read"), 3600)

ROW_LIKE_ANOTHER = """
INSERT INTO reads.order_list
SELECT changed.*
FROM (SELECT row FROM reads.order_list AS row LIMIT 1) AS present,
    jsonb_populate_record(present.row, %s::jsonb) AS changed
"""


def settings(databases: Databases, **rest: Any) -> Settings:
    wanted = {"events_url": databases.events_url, "deadline": 60.0} | rest
    return Settings(book=databases.book, reads_url=databases.reads_url, verify=auth.shared_secret(SECRET), **wanted)


@contextmanager
def reader(databases: Databases, **rest: Any):
    """A query API without a shop around it: `get(path)`."""
    with opened(settings(databases, **rest)) as app:
        yield Reader(app.test_client())


@contextmanager
def open_shop(databases: Databases, **rest: Any):
    writing = handling(databases)
    try:
        with opened(settings(databases, **rest)) as app, connect(databases.reads_url) as admin:
            yield Shop(app.test_client(), databases, admin, writing, app.extensions["listener"])
    finally:
        writing.store.close()


@dataclass
class Reader:
    """The query API's client."""

    client: Any

    def get(self, path: str, bearer: str | None = BEARER, method: str = "GET", **headers: str) -> TestResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer:
            sent["Authorization"] = bearer
        response = self.client.open(path, method=method, headers=sent)
        assert_documented(self.client.application, response)
        return response


@dataclass
class Shop(Reader):
    """One book with its write side, its projector on request, and the query API's client."""

    databases: Databases
    admin: Connection
    writing: Handling
    listener: Listener

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

    def token(self, position: int) -> str:
        return f"{self.admin.execute('SELECT id FROM events.log').fetchone()[0]}.{position}"

    def list_rows(self, *rows: dict[str, Any]) -> None:
        """Put rows into `order_list` that differ from a posted order's in these columns; `item` is the row's id."""
        for row in rows:
            order_id = str(row.get("order_id") or uuid4())
            own = {"order_id": order_id, "number": None, "external_id": None, "item": json.dumps(order_id)}
            self.admin.execute(ROW_LIKE_ANOTHER, [json.dumps(own | row)])


LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')


def walked(shop: Reader, path: str | None, relation: str = "next") -> list[dict[str, Any]]:
    """All pages from `path` on, by the links that the service gives, which are those of the body."""
    pages = []
    while path:
        answer = shop.get(path)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json)
        links = {rel: target for target, rel in LINK.findall(answer.headers.get("Link", ""))}
        for name in ("next", "prev"):
            assert bool(answer.json[f"{name}_cursor"]) == (name in links)
        path = links.get(relation)
    return pages
