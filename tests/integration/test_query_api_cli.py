"""`daybook query-api`, as a process."""

import json
import os
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.processes import line_of, rest_of, running
from tests.support.reading import BEARER, SECRET, open_shop

DAYBOOK = Path(sys.executable).with_name("daybook")


def query_api(*arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    return running(DAYBOOK, "query-api", *arguments, env=kept | environment)


def test_it_serves_with_a_way_to_the_read_tables_only(migrated, tmp_path):
    with open_shop(migrated) as shop:
        order_id = shop.placed_and_posted()
    environment = {
        "DAYBOOK_READS_URL": migrated.reads_url,
        "DAYBOOK_AUTH_SECRET": SECRET,
        "DAYBOOK_QUERY_PORT": "0",
        "DAYBOOK_WORKERS": "1",
        "DAYBOOK_QUERY_DEADLINE": "60",
    }
    with query_api(**environment) as process:
        url = json.loads(line_of(process, "ready at"))["message"].split()[2].rstrip(",")
        asked = urllib.request.Request(f"{url}/v1/orders/{order_id}", headers={"Authorization": BEARER})
        with urllib.request.urlopen(asked, timeout=90) as answer:
            assert json.load(answer)["order_id"] == str(order_id)
        process.terminate()
        assert process.wait(90) == 0


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "DAYBOOK_AUTH_SECRET is not set"),
        ({"DAYBOOK_AUTH_SECRET": "short"}, "needs at least 32"),
        ({"DAYBOOK_AUTH_SECRET": SECRET, "DAYBOOK_DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"}, "cannot connect"),
    ],
)
def test_it_refuses_to_start_with_a_sentence(environment, said, tmp_path):
    with query_api("--data-dir", str(tmp_path), **environment) as process:
        output = rest_of(process)
        assert process.wait(90) != 0
    assert said in output
    assert "Traceback" not in output


def test_it_refuses_a_database_that_is_not_migrated(database):
    with query_api(DAYBOOK_DATABASE_URL=database, DAYBOOK_AUTH_SECRET=SECRET) as process:
        output = rest_of(process)
        assert process.wait(90) != 0
    assert "daybook migrate" in output
    assert "Traceback" not in output
