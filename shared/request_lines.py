"""Every request, told: one line of the log and its metrics, once the answer has been handed over.

A line says the route's template, never the path, the query string or who asked: these may be about people. (The `sub`
of a token is a person where people have tokens, and which tokens those are is for whoever issues them to say.)
"""

import json
import logging
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from shared import logs, metrics, tracing
from shared.http_headers import trace_id
from shared.metric_list import HTTP_DURATION, HTTP_IN_PROGRESS, HTTP_REQUESTS, HTTP_THREADS
from shared.request_words import REQUEST_ID, ROUTE, STATUS
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
_ERROR, _FAULT = 400, 500
_log = logging.getLogger(__name__)

_Answered = tuple[float, str, tuple[str, dict[str, Any] | None], int, float, str, str | None, "Served | None"]
"""A request and its answer: Unix time of its end, method, route and names in the path, status, seconds, the request's
id, its traceparent, its span. A plain tuple, because each request makes one."""


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
        span = tracing.served(environ)
        try:
            body = self._app(environ, start_response)
        except BaseException:
            self._ended(environ, began, span)
            raise
        finally:
            if span is not None:
                span.leave()
        if isinstance(body, tuple):  # a finished answer
            self._ended(environ, began, span)
            return body
        return _Body(body, lambda: self._ended(environ, began, span))

    def _ended(self, environ: "WSGIEnvironment", began: float, span: "Served | None") -> None:
        self._under_way.pop()
        get = environ.get
        self._answered.append(
            (
                time(),
                environ["REQUEST_METHOD"],
                get(ROUTE, NO_ROUTE),
                get(STATUS, _FAULT),
                perf_counter() - began,
                get(REQUEST_ID, ""),
                get("HTTP_TRACEPARENT"),
                span,
            )
        )

    def _lines(self, _last: bool) -> list[str]:  # noqa: FBT001 -- as `Telling.add_lines` has it
        """Count what was answered since the last call, and give the lines about it."""
        answered = [self._answered.popleft() for _ in range(len(self._answered))]
        seconds: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
        lines = []
        line = _json_line if logs.for_machines() else _text_line
        told = _log.isEnabledFor(logging.INFO)
        for one in answered:
            method, rule, status = one[1], one[2][0], one[3]
            seconds[method, rule, status].append(one[4])
            if one[7] is not None:
                one[7].end(one[0], *_names(method, rule), status, dict(_facts(one)))
            if told and (rule not in PROBES or status >= _ERROR):
                lines.append(line(one))
        for (method, rule, status), taken in seconds.items():
            method, route = _names(method, rule)  # noqa: PLW2901 -- as metrics have them
            metrics.count(HTTP_REQUESTS, method, route, str(status), by=len(taken))
            metrics.observe_all(HTTP_DURATION, taken, method, route)
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


def _names(method: str, rule: str) -> tuple[str, str]:
    """The method, if it is one, and the route as documents write it: `/v1/orders/{order_id}`."""
    return method if method in _METHODS else "other", _template(rule)


@cache
def _template(rule: str) -> str:
    return _CONVERTED.sub(r"{\1}", rule)


def _facts(one: _Answered) -> Iterator[tuple[str, str]]:
    """What names a request: the order it is about, if its path says so, and the ids to find it again by.

    None of them needs escaping, whatever it stands in.
    """
    names, span = one[2][1], one[7]
    if names and (order_id := names.get("order_id")) and _UUID.fullmatch(order_id):
        yield "order_id", order_id
    yield "request_id", one[5]
    if span is not None:
        yield "trace_id", span.trace_id
    elif one[6] and (trace := trace_id(one[6])):
        yield "trace_id", trace


def _json_line(one: _Answered) -> str:
    facts = "".join([f',"{name}":"{value}"' for name, value in _facts(one)])
    return f'{{"time":"{logs.time_of(one[0])}",{_constant(one[1], one[2][0], one[3])}{one[4] * 1000:.3f}{facts}}}'


@lru_cache(1024)  # clients choose methods
def _constant(method: str, rule: str, status: int) -> str:
    """The part of a line that is the same for all requests with these."""
    method, route = _names(method, rule)
    said = {
        "level": "info",
        "component": logs.component(),
        "logger": __name__,
        "message": f"{method} {route} {status}",
        "method": method,
        "route": route,
        "status": status,
    }
    return json.dumps(said, separators=(",", ":"))[1:-1] + ',"duration_ms":'


def _text_line(one: _Answered) -> str:
    facts = "".join([f" {name}={value}" for name, value in _facts(one)])
    method, route = _names(one[1], one[2][0])
    return logs.text_line(one[0], f"{method} {route} {one[3]} {one[4] * 1000:.1f} ms{facts}")
