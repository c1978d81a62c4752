"""An error as it goes over the wire where no app answers: the request cannot be read, or must not be."""

from http import HTTPStatus

from shared import http_security
from shared.http import new_request_id
from shared.problems import Problem


def raw_answer(problem: Problem, connection: str = "close") -> bytes:
    """Give head and body; `connection` says what becomes of the connection."""
    request_id = new_request_id()
    body = problem.body(request_id)
    status = HTTPStatus(problem.kind.status)
    headers = problem.response_headers() | {
        "Request-Id": request_id,
        "Content-Length": str(len(body)),
        "Connection": connection,
    }
    headers |= http_security.missing(headers)
    head = [f"HTTP/1.1 {status} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body
