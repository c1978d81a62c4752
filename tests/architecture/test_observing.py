"""The dashboard and the alerts ask for metrics that there are, by labels that these have, and each alert says what to do."""

import re
import shutil
import subprocess

import pytest
import yaml

from shared.metric_list import METRICS
from tests.support import guide
from tests.support.promql import ALERTS, DASHBOARD, OBSERVING, RULES, expressions, selected

OF_THE_SCRAPE = {"job", "instance", "part"}
PARTS_OF = {"_bucket": "histogram", "_sum": "histogram", "_count": "histogram"}
CONFIGURATION = yaml.safe_load((OBSERVING / "prometheus.yaml").read_text())
TESTED = yaml.safe_load((guide.README.parent / "tests" / "fixtures" / "alerts.promtool.yaml").read_text())


def metric_of(series):
    """The metric in our list that a series is of, and the labels of the series."""
    for ending, kind in PARTS_OF.items():
        metric = METRICS.get(series.removesuffix(ending))
        if series.endswith(ending) and metric and metric.kind == kind:
            return metric, {*metric.labels, "le"}
    return METRICS[series], set(METRICS[series].labels)


@pytest.mark.parametrize("name", expressions())
def test_it_asks_for_what_there_is(name):
    found, grouped = selected(expressions()[name])
    assert found
    known = set(OF_THE_SCRAPE)
    for series in found:
        if series.name == "up":
            continue
        metric, labels = metric_of(series.name)
        assert (metric.kind == "histogram") == series.name.endswith(tuple(PARTS_OF)), series
        assert set(series.labels) <= labels | OF_THE_SCRAPE, series
        known |= labels
    assert grouped <= known


def test_counters_are_rates_and_nothing_else_is():
    for name, expression in expressions().items():
        for series in re.findall(r"daybook_\w+", expression):
            metric, _ = metric_of(series)
            counts = metric.kind != "gauge"
            rated = bool(re.search(rf"(rate|increase)\(\s*{series}\b", expression))
            assert counts == rated, f"{name}: {series}"


def test_each_alert_leads_to_an_entry_of_the_guide_and_is_tested():
    anchors = {f"README.md#{title.lower().replace(' ', '-')}" for title in guide.entries()}
    assert {rule["annotations"]["guide"] for rule in RULES} <= anchors
    assert all(rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"] for rule in RULES)
    tried = {alert["alertname"] for test in TESTED["tests"] for alert in test.get("alert_rule_test", []) if "exp_alerts" in alert}
    assert tried == {rule["alert"] for rule in RULES}


def test_the_files_name_one_another():
    assert CONFIGURATION["rule_files"] == ["alerts.yaml"]
    assert {group["name"] for group in ALERTS["groups"]} == {"daybook"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["description"].endswith(".") for panel in DASHBOARD["panels"])
    readme = guide.README.read_text()
    assert all(f"shared/observing/{name}" in readme for name in ("dashboard.json", "alerts.yaml"))


def test_alerts_fire_when_they_should():
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("needs promtool (Debian's package prometheus)")
    for arguments in (["check", "config", OBSERVING / "prometheus.yaml"], ["test", "rules", "tests/fixtures/alerts.promtool.yaml"]):
        done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False, cwd=guide.README.parent)
        assert done.returncode == 0, done.stdout + done.stderr
