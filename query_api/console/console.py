"""What every page of the console is made with: who looks, the read tables, and a frame that says how old it is."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import wraps
from importlib.metadata import version
from time import monotonic
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, g, render_template, request

from query_api.console import session
from query_api.freshness import Freshness
from query_api.head import Head
from query_api.reads import Reading
from query_api.sessions import Value
from shared.auth import Authenticator, Principal
from shared.problems import Problem

Page = str | tuple[str, int]
View = Callable[..., Any]

TIMEZONE = "SELECT {checkpoint}, checkpoint.timezone FROM {reads}.checkpoint AS checkpoint"
_ZONE_SECONDS = 30.0
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class Tab(NamedTuple):
    """A place that the navigation leads to: the view of its page, and the scope that one needs."""

    view: str
    label: str
    icon: str
    key: str
    scope: str | None


TABS = (
    Tab("orders", "Orders", "orders", "o", "orders:read"),
    Tab("live", "Live", "live", "l", None),
    Tab("sales", "Sales", "sales", "s", "reports:read"),
    Tab("attention", "Attention", "attention", "a", "orders:read"),
    Tab("queue", "Fulfilment", "queue", "f", "orders:read"),
)
"""Shown once their views are there."""


@dataclass
class Console:
    """The console as its pages know it."""

    blueprint: Blueprint
    authenticator: Authenticator
    freshness: Freshness
    head: Head
    _zone: tuple[tzinfo, float] = field(default=(ZoneInfo("UTC"), float("-inf")), init=False)

    def get(self, path: str, scope: str | None) -> Callable[[View], View]:
        """Make a view a page at a path below `/console`, for whose token grants `scope` (None: any good token)."""

        def decorate(view: View) -> View:
            @wraps(view)
            def guarded(**names: str) -> Any:  # noqa: ANN401 -- whatever Flask takes
                g.principal = session.principal(self.authenticator)
                if scope is not None:
                    _principal().require(scope)
                return view(**names)

            return self.blueprint.get(path)(guarded)

        return decorate

    def read(self, template: str, *values: Value) -> Reading:
        """Run a statement, as the query modules want it run."""
        return self.freshness.read(None, template, *values)

    def page(self, template: str, position: int | None, **facts: Any) -> str:  # noqa: ANN401 -- what a template shows
        """Render a page of what was read at a position."""
        known = None if position is None else self.head.known(position)
        return render_template(
            template,
            position=position,
            lag=None if known is None or position is None else known.lag(position),
            zone=self.zone(),
            **facts,
        )

    def zone(self) -> tzinfo:
        """Give the report time zone, which times are shown in, as of half a minute ago at most."""
        zone, until = self._zone
        if monotonic() >= until:
            try:
                (name,), *_ = self.read(TIMEZONE).rows
                zone = ZoneInfo((name or b"UTC").decode())
            except Problem:  # an error is being shown
                return zone
            self._zone = zone, monotonic() + _ZONE_SECONDS
        return zone


def wants_part() -> bool:
    """Whether a part of a page is asked for, to be put into the one that is shown."""
    return "HX-Request" in request.headers


def target() -> str:
    """Give the id of the element that a part is to replace; empty if it has none."""
    sent = request.headers.get("HX-Target", "")
    return sent if _ID.fullmatch(sent) else ""


def frame() -> dict[str, Any]:
    """What the frame around every page shows."""
    known: Principal | None = g.get("principal")
    shown = [tab for tab in TABS if f"console.{tab.view}" in current_app.view_functions]
    return {
        "principal": known,
        "tabs": shown,
        "may": lambda scope: scope is None or (known is not None and scope in known.scopes),
        "software": version("daybook"),
    }


def _principal() -> Principal:
    known: Principal = g.principal
    return known
