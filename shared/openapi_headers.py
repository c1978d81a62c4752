"""The headers of requests and answers, and common query parameters, as both OpenAPI documents describe them."""

from typing import Any

Json = dict[str, Any]


def _header(name: str, description: str, example: str | None, **schema: str) -> Json:
    described = {"name": name, "in": "header", "description": description, "schema": {"type": "string"} | schema}
    return described | ({"example": example} if example else {})


def _answered(description: str, *, always: bool = True, **schema: Any) -> Json:  # noqa: ANN401 -- the same
    return {"description": description, "required": always, "schema": {"type": "string"} | schema}


PARAMETERS: Json = {
    "Idempotency-Key": _header(
        "Idempotency-Key",
        "Any unique text, best a UUID. The same request under the same key has its first answer again, byte for byte, "
        "for 72 hours (`Idempotent-Replayed: true`); another request is refused (`idempotency_key_reused`). Only "
        "accepted commands are kept: a refused one is decided afresh. In double quotes or bare.",
        pattern=r'^([\x21\x23-\x7e][\x21-\x7e]{0,254}|"[\x21\x23-\x5b\x5d-\x7e]{1,255}")$',
        example='"8e03978e-40d5-43e8-bc93-6894a57f9324"',
    ),
    "If-Match": _header(
        "If-Match",
        'Carry the command out only if the order is at this version, by the ETag of an answer (`"2"`), a list of such, '
        'or `*`. A gateway\'s `W/"2"` counts as `"2"`.',
        example='"2"',
    ),
    "If-None-Match": _header(
        "If-None-Match",
        "The ETag that you have: if it still holds, the answer is 304 without a body.",
        example='"7.1"',
    ),
    "Consistency-Token": _header(
        "Consistency-Token",
        "The token of a write's answer (`9f2c41.12345`): what is read will show that write, or the answer is "
        "`read_model_behind`.",
        example=None,
        format="consistency-token",
    ),
    "Prefer": _header(
        "Prefer",
        "`wait=n`: wait up to n seconds (at most 30, by default 2) for the Consistency-Token to be reached (RFC 7240). "
        "`freshness=strict`: the answer shows all that was written before it was asked for, by whomever; `wait` goes "
        "with it. The event feed waits so long for the next event.",
        example="wait=1",
    ),
    "Last-Event-ID": _header(
        "Last-Event-ID",
        "For a stream of events: the `id` of the last one that you have. It wins over `after`; browsers send it by "
        "themselves when they connect again.",
        example="0",
    ),
    "Request-Id": _header(
        "Request-Id", "An id of yours for this request; without one you are given one.", example="7b1c0f6a"
    ),
    "dry_run": {
        "name": "dry_run",
        "in": "query",
        "description": "`true`: say what would happen, with `delta`, what totals would change by, and write nothing.",
        "schema": {"type": "string", "enum": ["true", "false"], "default": "false"},
    },
    "traceparent": _header(
        "traceparent",
        "W3C trace context; its trace id goes into the log and into the events.",
        example="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
}

RESPONSE_HEADERS: Json = {
    "Request-Id": _answered("The request's id, for questions about it.", pattern="^[A-Za-z0-9._:-]{1,128}$"),
    "ETag": _answered("What stands in the body, for If-Match and If-None-Match.", pattern='^"[^"]+"$'),
    "Page-ETag": _answered(
        "What stands in the body, for If-None-Match. Not sent with a stream.", always=False, pattern='^"[^"]+"$'
    ),
    "Location": _answered("Where the order can be read. Not sent if nothing was made.", always=False),
    "Order-ETag": _answered("The order's version, for If-Match; not sent if there is no order.", always=False),
    "Write-Token": _answered(
        "The place of what was written in the log: sent along with a read, the read shows it. Not sent if nothing was.",
        always=False,
        pattern=r"^[0-9a-z]{1,64}\.[0-9]{1,18}$",
    ),
    "Dry-Run": _answered("Nothing was written.", always=False, const="true"),
    "Idempotent-Replayed": _answered("This is a first answer sent again.", always=False, const="true"),
    "Projection-Position": _answered("How far in the log the read tables are.", pattern="^[0-9]+$"),
    "Projection-Lag": _answered("How many seconds that is behind, if known.", always=False),
    "Projection-Lag-Source": _answered("Who says so, if it is not the log itself.", always=False),
    "Preference-Applied": _answered(
        "Which preferences were.", always=False, enum=["wait", "freshness=strict", "wait, freshness=strict"]
    ),
    "Cache-Control": _answered("Whether it may be kept."),
    "Content-Location": _answered("The order's own address.", pattern="^/v1/orders/[0-9a-f-]{36}$"),
    "Quarantined": _answered(
        "The order stands still since this position: what is shown is how it was before. Not sent of any other order.",
        always=False,
        pattern="^position=[0-9]+$",
    ),
    "Content-Disposition": _answered("What a file may be called. Sent with files only.", always=False),
    "Link": _answered("The next page and the one before (RFC 8288).", always=False),
    "Retry-After": _answered("Seconds after which another attempt makes sense.", pattern="^[0-9]+$"),
    "WWW-Authenticate": _answered("`Bearer`, and what is wrong with the token, or the scope that it lacks (RFC 6750)."),
    "Vary": _answered("The answer depends on these headers."),
    "Content-Security-Policy": _answered("The page loads nothing from anywhere."),
}

PROBLEM_HEADERS = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    503: ("Retry-After",),
}
"""What a problem's answer has beside its Request-Id, by status."""

SENT_AS = {"Order-ETag": "ETag", "Page-ETag": "ETag", "Write-Token": "Consistency-Token"}
"""Keys of headers that more than one description is about → their names."""

TAGS = {
    "attention": "What staff should look at.",
    "customers": "Who ordered, and what it came to.",
    "events": "What happened, event by event, for other systems.",
    "fulfillment": "Parcels, returns and open units.",
    "fulfillment-queue": "What the warehouse has to do.",
    "orders": "Orders: one of them, and lists of them.",
    "payments": "Authorisations, captures, refunds.",
    "refunds": "Money that goes back.",
    "reports": "Sums over many orders.",
    "returns": "Goods that come back.",
    "schemas": "What events look like.",
    "service": "Whether the service is alive and ready, its error codes, and this document.",
    "shipments": "Parcels.",
    "status": "How the read side stands.",
}
"""Tags of operations, and what they are about."""
