"""Metrics of real processes: added up over workers, those that die included, and each that is listed."""

import math
import os
import random
import re
import signal
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.database import connect
from shared.metric_list import COMMAND_API, METRICS, PROJECTOR, QUERY_API
from tests.support import clients
from tests.support.clients import House
from tests.support.command_api import ORDER, bearer
from tests.support.posting import ask, projector, role, until
from tests.support.processes import line_of, wait_until_gone
from tests.support.query_api import query_api, token

PATIENT = {"DAYBOOK_COMMAND_DEADLINE": "30"}


def scraped(url):
    """Every sample: (name, its labels in order) → value. Each time over a connection of its own, so to any worker."""
    answer = httpx.get(f"{url}/metrics", timeout=90)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def total(found, name, **labels):
    """The sum of all samples of a name that have these labels."""
    return sum(value for (known, *said), value in found.items() if known == name and labels.items() <= dict(said).items())


def families(found):
    """The names of the list that are there."""
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name, *_ in found}


def listed(part):
    return {metric.name for metric in METRICS.values() if part in metric.at}


def create(url, times=1):
    """Orders of two events, each over a connection of its own, so with any worker."""
    for _ in range(times):
        answer = httpx.post(f"{url}/v1/orders", json=ORDER, headers=bearer(), timeout=90)
        assert answer.status_code == 201, answer.text


def applied(url):
    return total(scraped(url), "daybook_commands_total", command="create_order", outcome="applied")


def served(url):
    found = scraped(url)
    counted = total(found, "daybook_http_requests_total", route="/v1/orders", status="201")
    return counted, total(found, "daybook_http_request_duration_seconds_count", route="/v1/orders")


@contextmanager
def projector_with_metrics(databases, directory):
    """A projector and the URL of its metrics; who leads does not change because the machine is busy."""
    with projector(databases, directory, **{"metrics-port": 0, "lease": 60}) as process:
        yield process, re.search(r"metrics at (http://\S+)/metrics", line_of(process, "metrics at"))[1]


def directories(place):
    return [path for path in place.glob("daybook-metrics-*") if path.is_dir()]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the processes of the test keep temporary files."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def test_counts_add_up_over_the_workers_also_after_one_is_killed_and_all_are(migrated, tmp_path, place):
    with ExitStack() as stack:
        house = House(migrated, tmp_path, stack, **PATIENT)
        create(house.url, 20)
        until(lambda: applied(house.url) == 20, "all commands are counted")
        until(lambda: len([*directories(place)[0].glob("counter_*.db")]) == 2, "both workers count")
        assert {applied(house.url) for _ in range(8)} == {20}, "every worker tells of both"
        until(lambda: served(house.url) == (20, 20), "nothing is lost with a worker but what it has not told of yet")
        before = set(house.workers())
        house.kill_worker(random.Random(1))
        until(lambda: len(set(house.workers()) - before) == 1, "another worker takes its place")
        until(lambda: total(scraped(house.url), "daybook_build_info") == 2, "the new one is counted, the dead one not")
        create(house.url, 5)
        until(lambda: applied(house.url) == 25, "what the dead one did still counts")
        assert total(scraped(house.url), "daybook_http_threads") == 32
        until(lambda: served(house.url) == (25, 25), "each answer is told of, some time after it was given")
        left = directories(place)
        house.kill()
        assert directories(place) == left
        house.open()
        assert len(directories(place)) == 1 and directories(place) != left, "the next start clears away"
        assert applied(house.url) == 0
        house.process.send_signal(signal.SIGTERM)
        wait_until_gone(house.process.pid)
        assert directories(place) == []


def test_each_listed_metric_is_exposed_and_each_exposed_is_listed(migrated, tmp_path):
    with ExitStack() as stack:
        house = House(migrated, tmp_path, stack, **PATIENT)
        queries = stack.enter_context(query_api(migrated, tmp_path))
        may_read = {"Authorization": f"Bearer {token()}"}
        _, posting = stack.enter_context(projector_with_metrics(migrated, tmp_path))
        written = httpx.post(f"{house.url}/v1/orders", json=ORDER, headers=bearer(), timeout=90)
        shown = may_read | {"Consistency-Token": written.headers["Consistency-Token"], "Prefer": "wait=30"}
        until(lambda: _at_head(migrated), "the projector has posted it")
        assert httpx.get(f"{queries.url}/v1/events", headers=shown, timeout=90).status_code == 200
        _wait_in_vain(migrated, house, queries, may_read)
        for part, url in ((COMMAND_API, house.url), (QUERY_API, queries.url), (PROJECTOR, posting)):
            until(lambda part=part, url=url: families(scraped(url)) == listed(part), f"{part} exposes what is listed")
        reads = scraped(queries.url)
        assert total(reads, "daybook_read_wait_duration_seconds_count", outcome="behind") == 1
        assert total(reads, "daybook_http_problems_total", code="read_model_behind") == 1


def _at_head(databases):
    head = "SELECT (SELECT max(position) FROM {events}.seal) = (SELECT position FROM {reads}.checkpoint)"
    return ask(databases, head)


def _wait_in_vain(databases, house, queries, may_read):
    """Read with a token that the read tables, locked, do not reach in time."""
    with connect(databases.reads_url) as lock, lock.transaction():
        lock.execute("LOCK TABLE reads.checkpoint IN EXCLUSIVE MODE")
        written = httpx.post(f"{house.url}/v1/orders", json=ORDER, headers=bearer(), timeout=90)
        shown = may_read | {"Consistency-Token": written.headers["Consistency-Token"], "Prefer": "wait=1"}
        assert httpx.get(f"{queries.url}/v1/orders", headers=shown, timeout=90).status_code == 503


def told_of_all(url):
    """What a projector shows, once its batches are as many by either count: one follows the other."""
    found = scraped(url)
    batches = total(found, "daybook_projector_batches_total"), total(found, "daybook_projector_batch_events_count")
    return found if 1 <= batches[0] == batches[1] else None


def test_projectors_tell_who_leads_how_far_and_how_fast_also_while_one_is_held_up(migrated, tmp_path):
    with ExitStack() as stack:
        house = House(migrated, tmp_path, stack, **PATIENT)
        create(house.url, 3)
        leading, leads = stack.enter_context(projector_with_metrics(migrated, tmp_path))
        standing_by, stands_by = stack.enter_context(projector_with_metrics(migrated, tmp_path))
        assert (role(leading), role(standing_by)) == ("leader", "standby")
        until(lambda: total(scraped(leads), "daybook_projector_position") == 6, "all is posted")
        until(lambda: total(scraped(leads), "daybook_commit_to_visible_seconds_count") == 6, "and seen to be")
        found = until(lambda: told_of_all(leads), "each batch is told of in full")
        assert total(found, "daybook_projector_leader") == 1 and total(scraped(stands_by), "daybook_projector_leader") == 0
        assert total(found, "daybook_projector_events_total", type="order.created") == 3
        assert 0 < total(found, "daybook_commit_to_visible_seconds_sum") < 6 * 3600
        with connect(migrated.reads_url) as lock, lock.transaction():
            lock.execute("LOCK TABLE reads.checkpoint IN EXCLUSIVE MODE")  # posting waits, looking does not
            create(house.url)
            until(lambda: total(scraped(stands_by), "daybook_projector_lag_events") == 2, "the lag is seen")
            until(lambda: total(scraped(leads), "daybook_projector_lag_seconds") > 0, "the leader sees it, too")
            lock.execute("LOCK TABLE reads.checkpoint IN ACCESS EXCLUSIVE MODE")  # now looking would have to
            hidden = scraped(leads)
            assert total(hidden, "daybook_projector_databases_up") == 0
            assert math.isnan(total(hidden, "daybook_projector_lag_seconds"))
        until(lambda: total(scraped(leads), "daybook_projector_lag_events") == 0, "it goes on")
        os.kill(leading.pid, signal.SIGKILL)
        until(lambda: total(scraped(stands_by), "daybook_projector_leader") == 1, "the other one leads")


def test_metrics_can_be_switched_off(migrated, tmp_path, place, monkeypatch):
    monkeypatch.setattr(clients, "COMMAND_API", (*clients.COMMAND_API, "--no-metrics"))
    with ExitStack() as stack:
        house = House(migrated, tmp_path, stack, **PATIENT)
        assert httpx.get(f"{house.url}/metrics", timeout=90).status_code == 404
        assert directories(place) == []


def test_a_taken_port_is_one_sentence(migrated, tmp_path):
    with projector_with_metrics(migrated, tmp_path) as (_, url):
        port = httpx.URL(url).port
        with projector(migrated, Path(tmp_path), **{"metrics-port": port}) as second:
            assert f"cannot show metrics at 127.0.0.1:{port}: Address already in use" in line_of(second, "cannot show")
            assert second.wait(90) == 1
