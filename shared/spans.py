"""The spans of one process, made with OpenTelemetry; only `shared.tracing` imports this, where it is installed."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.tracing import Traced

_FAULT = 500
_NANOSECONDS = 1_000_000_000
_SECONDS_AT_END = 3.0


class Posted(NamedTuple):
    """Events that have become visible, of one command; times in Unix time."""

    by: Traced
    recorded_at: float
    order_id: str


class Served:
    """The span of a request; present until `leave`, told what came of it by `end`."""

    def __init__(self, tracer: trace.Tracer, parent: context.Context) -> None:
        self._span = tracer.start_span("request", parent, SpanKind.SERVER)
        self._token = context.attach(trace.set_span_in_context(self._span, parent))
        self.trace_id = trace.format_trace_id(self._span.get_span_context().trace_id)

    def leave(self) -> None:
        """Be present no more; in the thread that began it."""
        context.detach(self._token)

    def end(self, at: float, method: str, route: str, status: int, facts: Mapping[str, str]) -> None:
        """The answer was given `at` (Unix time)."""
        self._span.update_name(f"{method} {route}")
        self._span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                **{f"daybook.{name}": value for name, value in facts.items()},
            }
        )
        if status >= _FAULT:
            self._span.set_status(StatusCode.ERROR)
        self._span.end(int(at * _NANOSECONDS))


class Spans:
    """Spans in the name of a service, given to `processor`."""

    def __init__(self, service: str, processor: SpanProcessor) -> None:
        said = OTELResourceDetector().detect()  # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
        self._provider = TracerProvider(resource=Resource({SERVICE_NAME: service}).merge(said), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("daybook")
        self._propagator = TraceContextTextMapPropagator()

    def span(self, name: str, attributes: Mapping[str, str | int]) -> AbstractContextManager[object]:
        """A span within the present one. Errors that pass through it are told elsewhere, their words not at all."""
        named = {f"daybook.{key}": value for key, value in attributes.items()}
        return self._tracer.start_as_current_span(
            name, attributes=named, record_exception=False, set_status_on_exception=False
        )

    def served(self, environ: Mapping[str, Any]) -> Served:
        """The span of a request."""
        names = ("traceparent", "tracestate")
        carrier = {name: sent for name in names if (sent := environ.get(f"HTTP_{name.upper()}"))}
        return Served(self._tracer, self._propagator.extract(carrier, context.Context()))

    def traced(self) -> Traced | None:
        """The present span, if it is kept."""
        present = trace.get_current_span().get_span_context()
        if not (present.is_valid and present.trace_flags.sampled):
            return None
        return Traced(trace.format_trace_id(present.trace_id), trace.format_span_id(present.span_id))

    def trace_id(self) -> str | None:
        """The trace of the present span."""
        present = trace.get_current_span().get_span_context()
        return trace.format_trace_id(present.trace_id) if present.is_valid else None

    def posted(
        self, commands: Iterable[Posted], began: float, ended: float, attributes: Mapping[str, str | int]
    ) -> None:
        """A batch: a span of its own that links to the commands; and in the trace of each, how it became visible."""
        commands = list(commands)
        parents = [_context(posted.by) for posted in commands]
        named = {f"daybook.{key}": value for key, value in attributes.items()}
        batch = self._tracer.start_span(
            "post batch",
            context.Context(),
            SpanKind.CONSUMER,
            named,
            [Link(parent) for parent in parents],
            int(began * _NANOSECONDS),
        )
        batch.end(int(ended * _NANOSECONDS))
        link = [Link(batch.get_span_context())]
        for posted, parent in zip(commands, parents, strict=True):
            visible = self._tracer.start_span(
                "become visible",
                trace.set_span_in_context(trace.NonRecordingSpan(parent), context.Context()),
                SpanKind.CONSUMER,
                {"daybook.order_id": posted.order_id, **named},
                link,
                int(posted.recorded_at * _NANOSECONDS),
            )
            visible.end(int(ended * _NANOSECONDS))

    def close(self) -> None:
        """Send what is left, and end."""
        self._provider.force_flush(int(_SECONDS_AT_END * 1000))
        self._provider.shutdown()


def sender() -> SpanProcessor:
    """Send by OTLP over HTTP, in the background."""
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)  # one line for what is lost, none per attempt
    return BatchSpanProcessor(OTLPSpanExporter())


def _context(of: Traced) -> SpanContext:
    return SpanContext(int(of.trace_id, 16), int(of.span_id, 16), is_remote=True, trace_flags=TraceFlags(1))
