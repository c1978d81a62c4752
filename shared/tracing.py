"""Traces of what was done, by OpenTelemetry, if that is installed (`daybook[traces]`) and told where to send them.

OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) says where, the other OTEL_ variables how. Otherwise nothing of it is
imported, and everything here does nothing. Spans carry ids, counts and codes: no personal data, and no error's words.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import logs

if TYPE_CHECKING:
    from shared.spans import Served, Spans

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

_NOTHING = nullcontext()
_log = logging.getLogger(__name__)
_present: "Spans | None" = None


class Traced(NamedTuple):
    """The span that an event was decided in, as the event keeps it: what a sampled `traceparent` says, in hex."""

    trace_id: str
    span_id: str


def span(name: str, **attributes: str | int) -> AbstractContextManager[object]:
    """Have what is done within be a span of the present one."""
    return _NOTHING if _present is None else _present.span(name, attributes)


def served(environ: Mapping[str, Any]) -> "Served | None":
    """Begin the span of a request that is served, in the trace of whoever sent it; None without traces."""
    return None if _present is None else _present.served(environ)


def traced() -> Traced | None:
    """Give the present span, if there is one and it is kept."""
    return None if _present is None else _present.traced()


def trace_id() -> str | None:
    """Give the trace of the present span, kept or not."""
    return None if _present is None else _present.trace_id()


def present() -> "Spans | None":
    """Give the spans of this process; None without traces."""
    return _present


@contextmanager
def opened() -> Iterator[None]:
    """Send traces for as long as this lasts, if wanted. In a worker process: after the fork."""
    if not _wanted():
        yield
        return
    try:
        from shared.spans import Spans, sender  # noqa: PLC0415 -- an optional part
    except ModuleNotFoundError as error:
        _log.warning("no traces are sent: %s is missing; pip install 'daybook[traces]'", error.name)
        yield
        return
    with used(Spans(f"daybook-{logs.component()}", sender())):
        yield


@contextmanager
def used(spans: "Spans") -> Iterator[None]:
    """Use these for as long as this lasts; what they hold is sent at the end."""
    global _present  # noqa: PLW0603 -- one per process
    _present = spans
    try:
        yield
    finally:
        _present = None
        spans.close()


def _wanted() -> bool:
    switched_off = (
        os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    )
    return not switched_off and any(os.environ.get(name) for name in ENDPOINTS)
