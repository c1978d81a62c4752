"""Every request, told: one line of the log and its metrics, once the answer has been handed over.

A line says the route's template, never the path, the query string or who asked: these may be about people. (The `sub`
of a token is a person where people have tokens, and which tokens those are is for whoever issues them to say.)
"""

import logging
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import logs, metrics, tracing
from shared.http_headers import trace_id
from shared.metric_list import HTTP_DURATION, HTTP_IN_PROGRESS, HTTP_REQUESTS, HTTP_THREADS
from shared.request_words import REQUEST_ID, ROUTE
from shared.telling import Telling

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from shared.spans import Served

NO_ROUTE = "none", None
"""The route of a request that meets none."""

PROBES = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds by machines: told only when the answer is an error."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CONVERTED = re.compile(r"<(?:\w+:)?(\w+)>")
_ERROR = 400
_log = logging.getLogger(__name__)


class _Answered(NamedTuple):
    """A request and its answer; `route` is the template and the names in the path. `at` in Unix time."""

    at: float
    method: str
    route: tuple[str, dict[str, Any] | None]
    status: str
    seconds: float
    request_id: str
    traceparent: str | None
    span: "Served | None"


class Told:
    """A WSGI app around `app` that tells of every request."""

    def __init__(self, app: "WSGIApplication", telling: Telling, threads: int) -> None:
        self._app = app
        self._answered: deque[_Answered] = deque()
        self._under_way: deque[None] = deque()  # its length counts, without a lock
        metrics.sample(HTTP_IN_PROGRESS, lambda: len(self._under_way))
        metrics.sample(HTTP_THREADS, lambda: threads)
        telling.add_lines(self._lines)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, and note it; of a body that is still to be made, when that has ended."""
        began = perf_counter()
        self._under_way.append(None)
        status = "500"
        span = tracing.served(environ.get("HTTP_TRACEPARENT"), environ.get("HTTP_TRACESTATE"))

        def begun(line: str, headers: list[tuple[str, str]], *fault: Any) -> Callable[[bytes], object]:  # noqa: ANN401 -- as WSGI has it
            nonlocal status
            status = line
            return start_response(line, headers, *fault)

        def ended() -> None:
            self._under_way.pop()
            self._answered.append(
                _Answered(
                    time(),
                    environ["REQUEST_METHOD"],
                    environ.get(ROUTE, NO_ROUTE),
                    status[:3],
                    perf_counter() - began,
                    environ.get(REQUEST_ID, ""),
                    environ.get("HTTP_TRACEPARENT"),
                    span,
                )
            )

        try:
            body = self._app(environ, begun)
        except BaseException:
            ended()
            raise
        finally:
            if span is not None:
                span.leave()
        if isinstance(body, tuple):  # a finished answer
            ended()
            return body
        return _Body(body, ended)

    def _lines(self, _last: bool) -> list[str]:  # noqa: FBT001 -- as `Telling.add_lines` has it
        """Count what was answered since the last call, and give the lines about it."""
        answered = [self._answered.popleft() for _ in range(len(self._answered))]
        lines = []
        rendered = _as_json if logs.for_machines() else _as_text
        told = _log.isEnabledFor(logging.INFO)
        for one in answered:
            method = one.method if one.method in _METHODS else "other"
            route = template(one.route[0])
            metrics.count(HTTP_REQUESTS, method, route, one.status)
            metrics.observe(HTTP_DURATION, one.seconds, method, route)
            if one.span is not None:
                one.span.end(one.at, method, route, one.status, _facts(one))
            if told and (route not in PROBES or int(one.status) >= _ERROR):
                lines.append(rendered(one, method, route))
        return lines


class _Body:
    """A body in pieces, with word of its end."""

    def __init__(self, body: Iterable[bytes], ended: Callable[[], None]) -> None:
        self._body = body
        self._ended: Callable[[], None] | None = ended

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            ended, self._ended = self._ended, None
            if ended:
                ended()


@cache
def template(rule: str) -> str:
    """Write a route as documents do: `/v1/orders/{order_id}`."""
    return _CONVERTED.sub(r"{\1}", rule)


def _facts(one: _Answered) -> dict[str, str]:
    """What names a request: the order it is about, if its path says so, and the ids to find it again by."""
    facts = {}
    order_id = (one.route[1] or {}).get("order_id")
    if order_id and _UUID.fullmatch(order_id):
        facts["order_id"] = order_id
    facts["request_id"] = one.request_id
    if trace := one.span.trace_id if one.span else trace_id(one.traceparent):
        facts["trace_id"] = trace
    return facts


def _as_json(one: _Answered, method: str, route: str) -> str:
    return logs.json_line(
        one.at,
        __name__,
        f"{method} {route} {one.status}",
        {
            "method": method,
            "route": route,
            "status": int(one.status),
            "duration_ms": round(one.seconds * 1000, 3),
            **_facts(one),
        },
    )


def _as_text(one: _Answered, method: str, route: str) -> str:
    facts = "".join(f" {name}={value}" for name, value in _facts(one).items())
    return logs.text_line(one.at, f"{method} {route} {one.status} {one.seconds * 1000:.1f} ms{facts}")
