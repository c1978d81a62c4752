"""What `service_routes` and `document_routes` add to every service, as OpenAPI describes it."""

from typing import Any

from msgspec import Struct

from shared.openapi import Answer, Operation

_HTML = "text/html"
_DESCRIBED = {
    "type": "/problems/overloaded",
    "code": "overloaded",
    "status": 503,
    "title": "Too many requests at once",
    "description": "Nothing was done. Send it again a moment later.",
    "retryable": True,
}
_EXAMPLES: dict[str, Any] = {
    "isAlive": {"status": "alive"},
    "isReady": {"status": "ready"},
    "showMetrics": 'daybook_http_requests_total{method="GET",route="/v1/orders/{order_id}",status="200"} 7.0\n',
    "showVersion": {"service": "daybook", "version": "1.0.0"},
    "listProblems": {"problems": [_DESCRIBED]},
    "showProblem": _DESCRIBED,
    "showDocument": {"openapi": "3.1.0", "info": {"title": "Daybook", "version": "1.0.0"}, "paths": {}},
}


class Alive(Struct):
    """The process answers."""

    status: str


class About(Struct):
    """Which service this is, and of which version."""

    service: str
    version: str


class Described(Struct):
    """What is known about a code."""

    type: str
    code: str
    status: int
    title: str
    description: str
    retryable: bool


class Problems(Struct):
    """All codes."""

    problems: list[Described]


def service_operations() -> list[Operation]:
    """List the operations, all of them open to anybody."""

    def get(path: str, id_: str, summary: str, *answers: Answer, codes: frozenset[str] = frozenset()) -> Operation:
        shown = tuple(
            answer._replace(example="<!doctype html>…" if answer.media == _HTML else _EXAMPLES[id_])
            for answer in answers
        )
        codes |= {"internal_error"}
        return Operation("GET", path, id_, summary, shown, codes, "service", f"{summary} Open to anybody.", open_=True)

    page = Answer("A page to read.", {"type": "string"}, ("Content-Security-Policy",), media=_HTML)
    described = Answer("What the code means.", Described, ("Vary",))
    return [
        get("/livez", "isAlive", "Is the process alive?", Answer("It is.", Alive)),
        get(
            "/readyz",
            "isReady",
            "Can it do its work?",
            Answer("It can.", dict[str, Any], ("Cache-Control",)),
            codes=frozenset({"store_unavailable", "read_model_behind", "overloaded"}),
        ),
        get(
            "/metrics",
            "showMetrics",
            "How much is going on, and how well?",
            Answer("In the text format of Prometheus.", {"type": "string"}, ("Cache-Control",), media="text/plain"),
            codes=frozenset({"route_not_found"}),
        ),
        get("/version", "showVersion", "Which service, which version?", Answer("This.", About)),
        get("/problems", "listProblems", "All error codes.", Answer("They are listed.", Problems)),
        get(
            "/problems/<code>",
            "showProblem",
            "What does an error code mean?",
            described,
            page._replace(headers=("Vary",)),
            codes=frozenset({"route_not_found"}),
        ),
        get("/openapi.json", "showDocument", "This document.", Answer("It.", dict[str, Any], ("Cache-Control",))),
        get("/docs", "showDocs", "This document, to read.", page),
    ]
