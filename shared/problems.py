"""The exception that becomes an error answer, and its body (`domain.md` §4.2, RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared.problem_table import KINDS

PROBLEM_JSON = "application/problem+json"


class Problem(Exception):
    """An answer other than success. `facts` become members of the body beside those of RFC 9457.

    `errors` are `{"pointer" | "parameter" | "header", "code", "detail"}`; a fact that is None is left out.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[Any] = (),
        headers: Mapping[str, str] | None = None,
        **facts: object,
    ) -> None:
        self.kind = KINDS[code]
        self.code = code
        self.detail = detail or self.kind.title
        self.errors = errors
        self.facts = facts
        self.headers = dict(headers or {})
        super().__init__(f"{code}: {self.detail}")

    def response_headers(self) -> dict[str, str]:
        """Give what goes with the body: content type, `Retry-After`, and what was given."""
        headers = {"Content-Type": PROBLEM_JSON, "Cache-Control": "no-store"}
        if self.kind.retry_after is not None:
            headers["Retry-After"] = str(self.kind.retry_after)
        return headers | self.headers

    def body(self, request_id: str, trace_id: str | None = None) -> bytes:
        """Give the document. A fact never replaces a member of RFC 9457: a `status` becomes `order_status`."""
        kind = self.kind
        document: dict[str, object] = {
            "type": f"/problems/{kind.code}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
            "instance": f"urn:request:{request_id}",
            "code": kind.code,
            "retryable": kind.retryable,
        }
        for name, value in self.facts.items():
            if value is not None:
                document[f"order_{name}" if name in document else name] = value
        if self.errors:
            document["errors"] = list(self.errors)
        if trace_id:
            document["trace_id"] = trace_id
        return msgspec.json.encode(document)
