"""A new read table is one module, one .sql, one query, one test: added to a copy of the tree, and run there."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from command_api.commands import CancelOrder
from projector.run_once import run_once
from shared.order_document import REVISION
from tests.support.orders import creation, handling, request
from tests.support.posting import ask
from tests.support.processes import line_of, running
from tests.support.reading import BEARER, SECRET

ROOT = Path(__file__).parents[2]

TABLE = '''
"""What was sold to each country: orders that stand, and what they are worth less credits."""

NAME = "sales_by_country"
KEY = ("country", "currency")
MEASURES = ("orders", "net_amount")


def contributions(document, _day_of):
    """What one order adds to its country's sum."""
    if document.placed_at is None or document.status == "cancelled" or document.ship_country is None:
        return {}
    credit = sum(refund.credit_amount for refund in document.refunds if refund.state != "failed")
    return {(document.ship_country, document.currency): (1, document.totals.grand_total_amount - credit)}
'''

DDL = """
CREATE TABLE {reads}.sales_by_country (
    country text NOT NULL,
    currency text NOT NULL,
    orders bigint NOT NULL,
    net_amount bigint NOT NULL,
    PRIMARY KEY (country, currency)
);
"""

QUERY = '''
"""Countries by what was sold there."""

ALL = """
SELECT
    {checkpoint},
    sales.country,
    sales.currency,
    sales.orders,
    sales.net_amount
FROM {reads}.checkpoint AS checkpoint
LEFT JOIN {reads}.sales_by_country AS sales ON true
ORDER BY sales.country, sales.currency
"""


def countries(read):
    """All of them."""
    found = read(ALL)
    rows = [[column.decode() for column in row] for row in found.rows if row[0] is not None]
    named = [{"country": c, "currency": e, "orders": int(n), "net_amount": int(a)} for c, e, n, a in rows]
    return found.position, {"rows": named}
'''

ROUTE = '''
"""GET /v1/reports/countries."""

from msgspec import Struct
from query_api.{module} import Route
from query_api.queries import sales_by_country


class Country(Struct):
    country: str
    currency: str
    orders: int
    net_amount: int


class Countries(Struct):
    rows: list[Country]


def countries(question):
    """What was sold to each country."""
    question.parameters({{}})
    return question.reply_rendered(*sales_by_country.countries(question.read))


ROUTES = (Route("/v1/reports/countries", "reports:read", countries, Countries),)
'''

TEST = """
from projector.tables import SUMMARIES, TABLES, definition, sales_by_country
from shared.events import OrderCancelled
from tests.support.histories import at, created, folded, history, placed


def test_an_order_counts_until_it_is_cancelled():
    assert sales_by_country in SUMMARIES and "sales_by_country" in TABLES and "CREATE TABLE" in definition("sales_by_country")
    assert sales_by_country.contributions(folded(history(created())), None) == {}
    document = folded(history(created(), placed()))
    total = document.totals.grand_total_amount
    assert sales_by_country.contributions(document, None) == {("DE", "EUR"): (1, total)}
    gone = OrderCancelled(reason="staff", reduction_amount=total, previous_status="placed", cancelled_at=at(26))
    assert sales_by_country.contributions(folded(history(created(), placed(), gone)), None) == {}
"""


def changed(path: Path, pattern: str, replacement: str) -> None:
    """Change one place, which must be there exactly once."""
    text, count = re.subn(pattern, replacement, path.read_text(), flags=re.DOTALL)
    assert count == 1, f"{pattern} in {path}"
    path.write_text(text)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree, with the table in it."""
    tree = tmp_path_factory.mktemp("tree")
    folders = ("command_api", "projector", "query_api", "shared", "tests/support", "tests/conftest.py", "pyproject.toml")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)
    before = {path.relative_to(tree) for path in tree.rglob("*") if path.is_file()}
    (tree / "projector/tables/sales_by_country.py").write_text(TABLE.lstrip())
    (tree / "projector/tables/sales_by_country.sql").write_text(DDL.lstrip())
    (tree / "query_api/queries/sales_by_country.py").write_text(QUERY.lstrip())
    (tree / "tests/unit").mkdir(exist_ok=True)
    (tree / "tests/unit/test_sales_by_country.py").write_text(TEST.lstrip())
    assert len({path for path in tree.rglob("*") if path.is_file()}) == len(before) + 4
    changed(tree / "projector/tables/__init__.py", r"    product_sales_daily,\n    sales_daily,\n\)", "    product_sales_daily,\n    sales_by_country,\n    sales_daily,\n)")
    changed(tree / "projector/tables/__init__.py", r"(SUMMARIES: [^\n]+ = \([^)]+)\)", r"\1, sales_by_country)")
    changed(tree / "shared/order_document.py", rf"\nREVISION = {REVISION}\n", f"\nREVISION = {REVISION + 1}\n")
    module = "route" if (tree / "query_api/route.py").exists() else "routes"
    (tree / "query_api/sales_by_country_routes.py").write_text(ROUTE.format(module=module).lstrip())
    with (tree / "query_api/routes.py").open("a") as routes:
        routes.write("\nfrom query_api import sales_by_country_routes\nROUTES = (*ROUTES, *sales_by_country_routes.ROUTES)\n")
    return tree


def settings(tree, databases=None):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "COVERAGE", "COV_CORE"))}
    urls = {"DAYBOOK_EVENTS_URL": databases.events_url, "DAYBOOK_READS_URL": databases.reads_url} if databases else {}
    return kept | urls | {"PYTHONPATH": str(tree), "DAYBOOK_AUTH_SECRET": SECRET}


def run(tree, databases, *arguments, code=0):
    """`daybook …` of the copy."""
    command = [sys.executable, "-m", "shared.cli", *arguments]
    done = subprocess.run(command, cwd=tree, env=settings(tree, databases), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def post(tree, databases):
    """One run of the copy's projector."""
    code = "import sys; from projector.run_once import run_once; from shared.book import Book; from shared.environment import Databases; run_once(Databases(Book(), *sys.argv[1:]))"
    command = [sys.executable, "-c", code, databases.events_url, databases.reads_url]
    subprocess.run(command, cwd=tree, env=settings(tree), check=True)


def rows(databases):
    query = "SELECT json_agg(json_build_array(country, orders, net_amount) ORDER BY country) FROM {reads}.sales_by_country"
    return ask(databases, query)


def test_its_own_test_passes_in_the_copy(tree):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_sales_by_country.py"]
    done = subprocess.run(command, cwd=tree, env=settings(tree), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_projector_refuses_then_rebuild_then_everything_is_there(tree, migrated):
    worker = handling(migrated)
    here, there, cancelled = (creation(worker.store, ship_country=country) for country in ("DE", "AT", "DE"))
    for order in (here, there, cancelled):
        worker.handle(order)
    run_once(migrated)

    said = run(tree, migrated, "projector", code=1)
    assert f"made by revision {REVISION} of the projection, this code is revision {REVISION + 1}: run `daybook rebuild`" in said
    run(tree, migrated, "rebuild", "--workers", "1")
    assert rows(migrated) == [["AT", 1, 6422], ["DE", 2, 12844]]

    worker.handle(request(cancelled.order_id, CancelOrder(reason="customer")))
    worker.handle(request(there.order_id, CancelOrder(reason="customer")))
    worker.store.close()
    post(tree, migrated)
    assert rows(migrated) == [["DE", 1, 6422]]  # a sum of nothing has no row
    assert "row for row" in run(tree, migrated, "verify", "--workers", "1")
    assert "3 orders and 1 customer are exactly" in run(tree, migrated, "verify", "--sample", "10")

    command = [sys.executable, "-m", "shared.cli", "query-api"]
    environment = settings(tree, migrated) | {"DAYBOOK_QUERY_PORT": "0", "DAYBOOK_WORKERS": "1", "DAYBOOK_QUERY_DEADLINE": "60"}
    with running(*command, env=environment, cwd=tree) as process:
        url = json.loads(line_of(process, "ready at"))["message"].split()[2].rstrip(",")
        asked = urllib.request.Request(f"{url}/v1/reports/countries", headers={"Authorization": BEARER})
        with urllib.request.urlopen(asked, timeout=90) as answer:
            assert json.load(answer) == {"rows": [{"country": "DE", "currency": "EUR", "orders": 1, "net_amount": 6422}]}
        process.terminate()
        assert process.wait(90) == 0
