"""The list of metrics: its names and labels follow the conventions, and a registry exposes what is listed."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared import metrics
from shared.metric_list import ALL, HTTP_DURATION, HTTP_REQUESTS, LEADER, METRICS, PROJECTOR, VISIBLE
from shared.metric_registry import Registry
from tests.support.metric_table import PAGE, page

LABELS = {"method", "route", "status", "code", "command", "outcome", "type", "database", "state", "version", "revision"}
"""Each has few values, which our own code gives it: none is an id, a path or a name."""

OTHER_UNITS = re.compile(r"_(ms|millis|milliseconds|minutes|hours|kb|mb|percent)(_|$)")


def shown(registry):
    """The families that a registry exposes, by the names of the list."""
    families = text_string_to_metric_families(registry.shown().decode())
    return {f"{one.name}_total" if one.type == "counter" else one.name: one for one in families}


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_names_and_labels_follow_the_conventions(metric):
    assert re.fullmatch(r"daybook(_[a-z]+)+", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert not re.search(r"_(count|sum|bucket)$", metric.name) and not OTHER_UNITS.search(metric.name)
    assert set(metric.labels) <= LABELS and len(set(metric.labels)) == len(metric.labels) <= 3
    assert (metric.kind == "histogram") == bool(metric.buckets) and list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.says.endswith(".") and set(metric.at) <= set(ALL) and metric.at
    assert all(len(labels) == len(metric.labels) for labels in metric.begins)


@pytest.mark.parametrize("part", ALL)
def test_a_part_exposes_what_is_listed_for_it_with_its_sentence(part):
    registry = Registry(part)
    wanted = {metric.name: metric for metric in METRICS.values() if part in metric.at}
    found = shown(registry)
    assert found.keys() == wanted.keys()
    assert {name: (one.type, one.documentation) for name, one in found.items()} == {
        name: (metric.kind, metric.says) for name, metric in wanted.items()
    }


@pytest.fixture
def noting():
    metrics.taken()
    metrics.begin()
    yield
    metrics.end()


def test_notes_are_added_up_and_those_of_other_parts_dropped(noting):
    registry = Registry("query-api")
    metrics.count(HTTP_REQUESTS, "GET", "/v1/orders", "200")
    metrics.count(HTTP_REQUESTS, "GET", "/v1/orders", "200", by=2)
    metrics.observe(HTTP_DURATION, 0.001, "GET", "/v1/orders")
    metrics.observe(HTTP_DURATION, 0.002, "GET", "/v1/orders", times=3)
    metrics.observe(HTTP_DURATION, 99.0, "GET", "/v1/orders")
    metrics.observe(VISIBLE, 1.0)
    registry.take(metrics.taken())
    assert metrics.taken() == []
    found = shown(registry)
    assert [sample.value for sample in found["daybook_http_requests_total"].samples] == [3]
    of = {
        (sample.name.removeprefix("daybook_http_request_duration_seconds"), sample.labels.get("le")): sample.value
        for sample in found["daybook_http_request_duration_seconds"].samples
    }
    assert (of["_bucket", "0.001"], of["_bucket", "0.0025"], of["_bucket", "30.0"], of["_bucket", "+Inf"]) == (1, 4, 4, 5)
    assert of["_count", None] == 5 and of["_sum", None] == pytest.approx(99.007)


def test_nothing_is_noted_where_nobody_takes_it():
    metrics.count(HTTP_REQUESTS, "GET", "/v1/orders", "200")
    metrics.observe(VISIBLE, 1.0)
    assert metrics.taken() == []


def test_gauges_are_read_when_it_is_time(noting):
    registry, values = Registry(PROJECTOR), iter([1.0, 0.0])
    metrics.sample(LEADER, lambda: next(values))
    for expected in (1, 0):
        registry.read(metrics.samples())
        assert shown(registry)["daybook_projector_leader"].samples[0].value == expected


def test_the_page_for_people_is_the_list():
    assert PAGE.read_text() == page(), "python -m tests.support.metric_table"
