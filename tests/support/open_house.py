"""The whole service with a shop's orders in it, as real processes: for tests of what people see of it."""

import json
import random
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import httpx

from command_api.demo import invent
from shared.house import EXAMPLE
from tests.support import clients, posting
from tests.support.command_api import bearer
from tests.support.orders import handling
from tests.support.parts import free_port
from tests.support.poisoning import lives
from tests.support.posting import ask, until
from tests.support.query_api import query_api, token
from tests.support.varied_orders import varied

INVENTED = 40
VARIED = 25
FIRST = 90_001  # beyond the numbers that the command API draws
SEED = 5
TIMEOUT = 60


class OpenHouse:
    """Command API, projector and query API of one book; `url` is the query API's, which can die and come back."""

    def __init__(self, databases, directory, stack):
        self.databases = databases
        self._directory = directory
        self._stack = stack
        self.quarantined = str(fill(databases))
        stack.enter_context(posting.projector(databases, directory))
        self._query = ExitStack()
        stack.callback(self.kill_query_api)
        self._port = free_port()
        self.start_query_api()
        self.command_api = clients.House(databases, directory, stack, DAYBOOK_COMMAND_DEADLINE="30")
        self.posted()

    def start_query_api(self):
        """Start it, always at the same port."""
        self.url = self._query.enter_context(query_api(self.databases, self._directory, port=self._port)).url

    def kill_query_api(self):
        """kill -9 of all of it."""
        self._query.close()

    def place(self, **changes):
        """Place an order over HTTP; gives what it was answered."""
        headers = bearer(ttl=600) | {"Idempotency-Key": uuid4().hex}
        answer = httpx.post(f"{self.command_api.url}/v1/orders", json=EXAMPLE | changes, headers=headers, timeout=TIMEOUT)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def send(self, order_id, what, body=None):
        """Send a command to an order; gives what it was answered."""
        headers = bearer(ttl=600) | {"Idempotency-Key": uuid4().hex}
        url = f"{self.command_api.url}/v1/orders/{order_id}/{what}"
        answer = httpx.post(url, json=body or {}, headers=headers, timeout=TIMEOUT)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path):
        """What the query API says, as JSON."""
        answer = httpx.get(self.url + path, headers={"Authorization": f"Bearer {token()}"}, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text)

    def posted(self):
        """Return when the read tables are at the head."""
        until(lambda: at_head(self.databases), "the read tables are at the head")


def at_head(databases):
    """Whether the read tables are at the head."""
    posted = "SELECT (SELECT max(position) FROM {events}.seal) = position FROM {reads}.checkpoint"
    return ask(databases, posted)


def fill(databases):
    """Orders of all kinds, one of them in quarantine, whose id is given."""
    chance = random.Random(SEED)
    writing = handling(databases)
    try:
        invent(writing, INVENTED, chance)
    finally:
        writing.store.close()
    posting.append(databases, *(varied(chance, number, (number - FIRST) * 3600) for number in range(FIRST, FIRST + VARIED)))
    return lives(databases, "fold")


@contextmanager
def opened(databases, directory):
    """Everything runs; killed at the end."""
    with ExitStack() as stack:
        yield OpenHouse(databases, directory, stack)
