"""`GET /metrics`, on the port of the service and open to anybody, as the other routes for machines are.

It says how much is going on and how well, and nothing about anybody; who may not know even that is kept off by the
proxy in front, or by DAYBOOK_METRICS=off. Whichever worker answers, it answers for all of them.
"""

from flask import Flask

from shared import telling
from shared.http import Reply
from shared.problems import Problem


def add_metric_route(app: Flask) -> None:
    """Add the route."""

    @app.get("/metrics")
    def metrics() -> Reply:
        present = telling.present()
        if present is None or present.registry is None:
            raise Problem("route_not_found", "Metrics are not shown here (DAYBOOK_METRICS).")
        headers = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8"), ("Cache-Control", "no-store")]
        return Reply(present.shown(present.registry), headers=headers)
