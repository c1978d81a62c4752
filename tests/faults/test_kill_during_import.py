"""kill -9 in the middle of an import, of any part: after restart and rerun exactly the same log and tables."""

import json
import os
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from psycopg import OperationalError

from command_api.import_file import SOME_REJECTED
from projector.rebuilding.building import Work
from projector.rebuilding.progress import Silent
from projector.verifying.verify import verify
from shared import auth
from shared.audit import audit
from shared.book import Book
from shared.database import connect
from shared.embedded_postgres.server import Server
from shared.environment import Databases
from shared.event_log import head
from shared.migrate import migrate
from tests.support import retail
from tests.support.processes import kill_all, line_of, running, wait_until_gone

SECRET = "kill-during-import-kill-during-import"
DEADLINE = 180.0
DAYBOOK = (sys.executable, "-m", "shared.cli")
LOCK, UNLOCK = "SELECT pg_advisory_lock(4712)", "SELECT pg_advisory_unlock(4712)"
HOLD_UP = """
CREATE FUNCTION public.hold_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(4712);
    RETURN NEW;
END
$$;
CREATE TRIGGER hold_up BEFORE INSERT ON events.event FOR EACH ROW WHEN (NEW.position > {position})
EXECUTE FUNCTION public.hold_up()
"""
GO_ON = "DROP TRIGGER hold_up ON events.event; DROP FUNCTION public.hold_up()"
CONTENT = """
SELECT (state::jsonb -> 'data') - '{order_id,number,contact_ref,shipping_address_ref,billing_address_ref}'::text[]
FROM events.event
"""


class House:
    """A server of its own and the processes of one import; `databases` once it is migrated."""

    def __init__(self, directory, stack):
        self.directory = directory
        self.stack = stack
        self.server = Server(directory / "data", shared_buffers="64MB")
        self.server.start()
        stack.callback(self.server.stop)
        url = f"{self.server.place.tcp_url}?connect_timeout=60"  # a busy machine is no outage
        self.databases = Databases(Book(), url, url)
        migrate(url, url, Book())

    def daybook(self, *arguments, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
        settings = {"DAYBOOK_DATABASE_URL": self.databases.events_url, "DAYBOOK_AUTH_SECRET": SECRET}
        return self.stack.enter_context(
            running(*DAYBOOK, *arguments, env=clean | settings | environment, start_new_session=True)
        )

    def until(self, reached):
        """Return once `reached(head position, checkpoint)`; woken by what the projector posts."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            with connect(self.databases.reads_url) as watching:
                watching.execute("LISTEN posted")
                watching.execute("LISTEN appended")
                position = head(watching, Book()).position
                tables = watching.execute("SELECT to_regclass('reads.checkpoint')").fetchone()[0]
                stand = watching.execute("SELECT position FROM reads.checkpoint").fetchone()[0] if tables else 0
                if reached(position, stand):
                    return
                list(watching.notifies(timeout=1, stop_after=1))
        raise AssertionError(f"not reached: head {position}, checkpoint {stand}")

    @contextmanager
    def held_up_at(self, position):
        """Nothing gets beyond this position: whoever imports is at work, however late we look. It does not outlive the server."""
        with connect(self.databases.events_url) as holder:
            holder.execute(LOCK)
            holder.execute(HOLD_UP.format(position=position))
            yield
            with suppress(OperationalError):  # the server is another one
                holder.execute(UNLOCK)
        with connect(self.databases.events_url) as admin:
            admin.execute(GO_ON)


@pytest.fixture
def house():
    with tempfile.TemporaryDirectory(prefix="daybook-kill-") as name, ExitStack() as stack:
        directory = Path(name)
        directory.chmod(0o711)
        yield House(directory, stack)


@pytest.fixture(scope="module")
def orders():
    return list(retail.orders())


@pytest.fixture(scope="module")
def file(orders, tmp_path_factory):
    path = tmp_path_factory.mktemp("december") / "orders.ndjson"
    path.write_text("".join(json.dumps(order) + "\n" for order in orders))
    return path


@pytest.mark.parametrize("victim", ["importer", "projector", "postgres"])
def test_kill_9_while_a_file_is_imported(house, file, victim):
    projector = house.daybook("projector")
    with house.held_up_at(600):
        importer = house.daybook("import", str(file))
        house.until(lambda position, stand: position > 300 and stand > 0)
        assert importer.poll() is None
        if victim == "importer":
            kill_all(importer)
        elif victim == "projector":
            kill_all(projector)
            projector = house.daybook("projector")
        else:
            house.server._process.kill()
            house.server._process.wait(DEADLINE)
            house.server.restart()
    importer.communicate(timeout=DEADLINE)
    rerun = house.daybook("import", str(file))
    output, _ = rerun.communicate(timeout=DEADLINE)
    assert rerun.returncode == SOME_REJECTED, output
    check(house)
    projector.send_signal(signal.SIGTERM)
    wait_until_gone(projector.pid)


def test_kill_9_of_the_command_api_while_batches_are_sent(house, orders):
    house.daybook("projector")
    batches = [orders[start : start + 50] for start in range(0, len(orders), 50)]
    api, client = serve(house)
    sent = 0
    for number, batch in enumerate(batches):
        if number == 8:
            some = sent + 5  # orders of this batch, which are imported one after the other
            with ThreadPoolExecutor(1) as pool, house.held_up_at(some):
                pending = pool.submit(client.post, "/v1/orders/import", json={"orders": batch})
                house.until(lambda position, _, some=some: position == some)
                kill_all(api)
                with pytest.raises(httpx.TransportError):  # it was at work on this batch
                    pending.result(DEADLINE)
            api, client = serve(house)
        answer = client.post("/v1/orders/import", json={"orders": batch})
        assert answer.status_code == 200, answer.text
        sent += answer.json()["imported"] + answer.json()["unchanged"]
    check(house)


def serve(house):
    ready = house.directory / "ready.json"
    ready.unlink(missing_ok=True)
    api = house.daybook("command-api", "--port", "0", DAYBOOK_READY_FILE=str(ready), DAYBOOK_COMMAND_DEADLINE="30")
    line_of(api, "ready at")
    token = auth.mint(SECRET, "importer", ["orders:import"], 600)
    url = json.loads(ready.read_text())["url"]
    return api, httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE)


def check(house):
    """The log holds each accepted invoice once, gapless and sealed, and the tables say what the file says."""
    databases, book = house.databases, house.databases.book
    house.until(lambda position, stand: position == stand > 0)
    expected = retail.Expected(rejected_invoices())
    with connect(databases.events_url, book.names["admin_role"]) as admin:
        assert head(admin, book).position == expected.orders
        content = [row[0] for row in admin.execute(CONTENT)]
        assert len({order["external_id"] for order in content}) == len(content) == expected.orders
        assert sum(len(order["lines"]) for order in content) == expected.lines
        assert audit(admin, book).findings == []
    expected.compare(databases)
    assert verify(Work(databases, "UTC", 1, Silent())).comparison.examples == []


def rejected_invoices():
    """Invoices that sell nothing, or not even one unit of something."""
    rejected, sold = set(), set()
    for row in retail.rows():
        if row["StockCode"] not in retail.SHIPPING:
            sold.add(row["InvoiceNo"])
            if int(row["Quantity"]) < 1:
                rejected.add(row["InvoiceNo"])
    return rejected | ({row["InvoiceNo"] for row in retail.rows()} - sold)
