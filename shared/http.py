"""What both APIs have in common over HTTP: how requests are read and answered, and what errors look like.

Every answer carries a `Request-Id`, every error is a problem document (RFC 9457), and none shows our insides:
what nobody expected is logged once under its request id and answered as `internal_error`.
"""

import random
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

import msgspec
from flask import Flask, Response, has_request_context, request
from werkzeug.exceptions import HTTPException

from shared import http_headers, http_security, logs, tracing
from shared.private_words import sent_in
from shared.problem_lines import tell_fault, tell_problem
from shared.problems import Problem
from shared.request_words import BODY, REQUEST_ID, ROUTE, STATUS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MEBIBYTE = 1024 * 1024
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_EXTRA_HEADERS = "daybook.headers"
_HTTP_CODES = {
    404: "route_not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "content_too_large",
    415: "unsupported_media_type",
}

Headers = list[tuple[str, str]]


class Reply(Response):
    """A finished answer: status, headers and body as they go over the wire.

    It skips what werkzeug does between making and sending a response, half the cost of a small Flask
    request; so nothing of werkzeug's works on it. For a header on whatever the answer will be: `add_header`.
    """

    def __init__(self, body: bytes, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> None:
        self._body = body
        self._status_code = status
        self._headers = headers

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer. A body means JSON unless the headers say otherwise."""
        headers = self._all_headers(environ)
        if self._status_code not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            headers.append(("Content-Length", str(len(self._body))))
        start_response(_STATUS_LINES[self._status_code], headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self._body,)

    def _all_headers(self, environ: "WSGIEnvironment") -> Headers:
        environ[STATUS] = self._status_code
        headers = [("Request-Id", request_id_of(environ)), *environ.get(_EXTRA_HEADERS, ()), *self._headers]
        return headers + http_security.missing([name for name, _ in headers], environ["wsgi.url_scheme"])


class Stream(Protocol):
    """A body in pieces. `close` is called at its end, however that comes, and also if it was never begun."""

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces."""

    def close(self) -> None:
        """Let go of what it holds; more than once does no harm."""


class StreamedReply(Reply):
    """An answer whose body is made while it is sent, piece by piece, as fast as its client takes them."""

    def __init__(self, stream: Stream, headers: Iterable[tuple[str, str]]) -> None:
        super().__init__(b"", HTTPStatus.OK, headers)
        self._stream = stream

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, without a length: nobody knows it yet."""
        start_response(_STATUS_LINES[HTTPStatus.OK], self._all_headers(environ))
        if environ["REQUEST_METHOD"] == "HEAD":
            self._stream.close()
            return ()
        return self._stream


def json_reply(body: bytes | object, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Reply:
    """Answer with JSON: `body` as it is when it is bytes, else rendered."""
    rendered = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Reply(rendered, status, [("Content-Type", "application/json"), *headers])


def new_app(name: str) -> Flask:
    """Make a Flask app whose every error is a problem document and whose every answer has a `Request-Id`."""
    app = Flask(name, static_folder=None)
    app.url_map.merge_slashes = False  # a path with two slashes is another path, not a redirect
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.register_error_handler(Problem, answer_problem)
    app.register_error_handler(HTTPException, _answer_http_exception)
    app.register_error_handler(Exception, _answer_fault)
    app.after_request(_complete)
    logs.add_context(_log_context)
    logs.keep_private(lambda: sent_in(request.environ) if has_request_context() else ())
    return app


def request_id() -> str:
    """Give the id of the request being served: the client's own if it sent a sane one."""
    return request_id_of(request.environ)


def request_id_of(environ: "WSGIEnvironment") -> str:
    """Give the request id that belongs to a WSGI environment, made at the first call."""
    known: str | None = environ.get(REQUEST_ID)
    if known is None:
        known = http_headers.sane_request_id(environ.get("HTTP_REQUEST_ID")) or new_request_id()
        environ[REQUEST_ID] = known
    return known


def new_request_id() -> str:
    """Make a request id: no secret, so not one of the kernel's, which would let another thread go first."""
    return f"{random.getrandbits(128):032x}"


def trace_id() -> str | None:
    """Give the trace that the request belongs to: ours, if traces are sent, else that of its `traceparent`."""
    return tracing.trace_id() or http_headers.trace_id(request.environ.get("HTTP_TRACEPARENT"))


def add_header(name: str, value: str) -> None:
    """Put a header on whatever the answer to this request will be, an error included."""
    request.environ.setdefault(_EXTRA_HEADERS, []).append((name, value))


def read_body(limit: int, media: str = JSON) -> bytes:
    """Read a body of at most `limit` bytes, labelled as JSON of this kind. None at all is b"", whatever its label."""
    environ = request.environ
    declared = environ.get("CONTENT_LENGTH")
    expected = int(declared) if declared else None  # None: chunked, or no body
    if expected is not None and expected > limit:
        raise _too_large(f"The body has {expected} bytes", limit)
    try:
        body: bytes = environ["wsgi.input"].read(limit + 1 if expected is None else expected)
    except OSError as error:
        raise Problem("malformed_request", "The body did not arrive, or its chunks are malformed.") from error
    environ[BODY] = body
    if len(body) > limit:
        raise _too_large(f"The body has more than {limit} bytes", limit)
    if expected is not None and len(body) < expected:
        raise Problem("malformed_request", f"The body ended after {len(body)} of {expected} bytes.")
    if body and not http_headers.is_json(environ.get("CONTENT_TYPE"), media):
        raise Problem(
            "unsupported_media_type",
            f"Content-Type: {environ.get('CONTENT_TYPE') or 'none'}; this route reads {media}.",
            headers={"Accept-Patch": media} if environ["REQUEST_METHOD"] == "PATCH" else None,
        )
    return body


def require_json_accepted() -> None:
    """Raise 406 when the client cannot take JSON."""
    accept = request.environ.get("HTTP_ACCEPT")
    if not http_headers.accepts(accept, "application/json"):
        raise Problem("not_acceptable", f"Accept: {accept} rules out application/json.")


def query_parameters(*known: str) -> dict[str, str]:
    """Read the query string. Unknown, repeated and unreadable parameters are refused, all of them at once."""
    query = request.environ.get("QUERY_STRING")
    if not query:
        return {}
    parameters: dict[str, str] = {}
    errors: dict[str, list[dict[str, str]]] = {"unknown_parameter": [], "invalid_parameter": []}
    text = query.encode("latin-1").decode(errors="replace")  # WSGI's idea of bytes
    for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        if name not in known:
            errors["unknown_parameter"].append({"parameter": name, "code": "not_allowed"})
        elif name in parameters:
            errors["invalid_parameter"].append({"parameter": name, "code": "too_many"})
        elif "\0" in value or "\ufffd" in value:
            errors["invalid_parameter"].append({"parameter": name, "code": "bad_format"})
        parameters[name] = value
    for code, found in errors.items():
        if found:
            names = ", ".join(sorted({error["parameter"] for error in found}))
            expected = f"Known are {', '.join(known)}." if known else "This route takes none."
            raise Problem(code, f"Query parameter {names}. {expected}", errors=found)
    return parameters


def answer_problem(problem: Problem) -> Reply:
    """Answer the request with `problem`."""
    tell_problem(problem)
    body = problem.body(request_id(), trace_id())
    return Reply(body, problem.kind.status, problem.response_headers().items())


def _too_large(what: str, limit: int) -> Problem:
    return Problem("content_too_large", f"{what}; this route reads at most {limit}.", limit=limit)


def _answer_http_exception(error: HTTPException) -> Reply:
    """Turn werkzeug's own refusals (no such route, no such method …) into problems."""
    if error.code is None or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer_fault(error)
    allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    headers = {"Allow": allowed} if allowed else None
    details = {
        404: f"Nothing is served at {request.path}.",
        405: f"{request.path} knows {allowed}, not {request.method}.",
    }
    code = _HTTP_CODES.get(error.code, "malformed_request")
    return answer_problem(Problem(code, details.get(error.code, ""), headers=headers))


def _answer_fault(error: Exception) -> Reply:
    """Answer what nobody expected: logged once in full, told to nobody."""
    tell_fault(error)
    problem = Problem("internal_error", request_id=request_id())
    return Reply(problem.body(request_id(), trace_id()), 500, problem.response_headers().items())


def _complete(response: Response) -> Response:
    if request.url_rule:
        request.environ[ROUTE] = request.url_rule.rule, request.view_args
    if not isinstance(response, Reply):  # Flask's own, for files and pages
        response.headers["Request-Id"] = request_id()
        response.headers.extend(request.environ.get(_EXTRA_HEADERS, ()))
        request.environ[STATUS] = response.status_code
        response.headers.extend(http_security.missing(response.headers.keys(), request.scheme))
    return response


def _log_context() -> dict[str, Any]:
    if not has_request_context():
        return {}
    trace = trace_id()
    return {"request_id": request_id()} | ({"trace_id": trace} if trace else {})
