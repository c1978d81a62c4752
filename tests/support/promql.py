"""What the dashboard and the alerts ask for: every expression, and the series that it selects."""

import json
from pathlib import Path
from typing import NamedTuple

import promql_parser
import yaml

OBSERVING = Path(__file__).parents[2] / "shared" / "observing"
ALERTS = yaml.safe_load((OBSERVING / "alerts.yaml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((OBSERVING / "dashboard.json").read_text())
INTERVALS = {"$__rate_interval": "5m"}
"""What Grafana puts in."""


class Selected(NamedTuple):
    """A series by name, the labels it is chosen by, and those it is summed by."""

    name: str
    labels: tuple[str, ...]


def expressions():
    """Where it stands → the expression."""
    alerts = {rule["alert"]: rule["expr"] for rule in RULES}
    panels = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    }
    for name, text in INTERVALS.items():
        panels = {title: expression.replace(name, text) for title, expression in panels.items()}
    return alerts | panels


def selected(expression):
    """All series of an expression; it fails to parse unless it is PromQL."""
    found, grouped = [], set()

    def look(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append(Selected(node.name, tuple(matcher.name for matcher in node.matchers.matchers)))
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            grouped.update(node.modifier.labels)
        return True

    promql_parser.walk(promql_parser.parse(expression), look)
    return found, grouped
