"""The console in an app: its pages, its security headers, and what it says when something is wrong."""

from http import HTTPStatus

from flask import Blueprint, Flask, Response, redirect, render_template, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.wrappers import Response as Answer

from query_api.console import formats, labels
from query_api.console.assets import add_assets, path_of
from query_api.console.console import Console, frame, target, wants_part
from query_api.console.live import add_live
from query_api.console.order import add_order
from query_api.console.orders import add_orders
from query_api.console.sales import add_sales
from query_api.console.session import PATH, add_session, to_login
from query_api.console.work import add_work
from query_api.freshness import Freshness
from query_api.head import Head
from shared.auth import Authenticator
from shared.http import Reply, request_id
from shared.problem_lines import tell_fault, tell_problem
from shared.problems import Problem

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # `no-referrer` would also take the Origin from our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGES = (add_orders, add_order, add_live, add_sales, add_work)
"""Each adds the pages of its module to the console."""

_TITLES = {
    "forbidden": "Your token does not grant this",
    "store_unavailable": "The database does not answer",
    "read_model_behind": "The read tables cannot be shown now",
    "overloaded": "Too much at once",
    "order_not_found": "No such order",
    "version_not_found": "The order was never so",
    "order_quarantined": "This order could not be posted",
    "internal_error": "Something broke here",
}
_NEXT = {
    "forbidden": "Ask whoever gave you the token for one with this scope, log out, and enter it.",
    "store_unavailable": "Nothing is lost: orders are written elsewhere. Whoever is on call looks at the database of"
    " the read tables; this page works again as soon as it answers.",
    "order_quarantined": "Whoever is on call sees it in `daybook status`; once the cause is mended,"
    " `daybook retry` posts it.",
}


def add_console(app: Flask, authenticator: Authenticator, freshness: Freshness, head: Head) -> None:
    """Add the console to an app."""
    blueprint = Blueprint("console", __package__ or "query_api.console", template_folder="templates", url_prefix=PATH)
    console = Console(blueprint, authenticator, freshness, head)
    add_assets(blueprint)
    add_session(blueprint, authenticator)
    for add_pages in PAGES:
        add_pages(console)
    blueprint.add_url_rule("/", view_func=_home)
    blueprint.add_url_rule("/<path:path>", view_func=_nowhere)
    blueprint.register_error_handler(Problem, _answer_problem)
    blueprint.register_error_handler(HTTPException, _answer_http_exception)
    blueprint.register_error_handler(Exception, _answer_fault)
    blueprint.before_request(_require_text)
    blueprint.after_request(_secure)
    blueprint.context_processor(frame)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals |= {"asset": path_of, "label": labels.label, "PATH": PATH}
    app.jinja_env.filters |= formats.FILTERS
    app.add_url_rule(PATH, "console_home", lambda: redirect(f"{PATH}/", HTTPStatus.SEE_OTHER))
    app.register_blueprint(blueprint)


def _require_text() -> None:
    """Refuse a query that is not UTF-8: werkzeug reads it strictly, and so would fail wherever a page looks at it."""
    try:
        request.query_string.decode()
    except UnicodeDecodeError as error:
        request.environ["QUERY_STRING"] = ""  # the page that says so is one, too
        raise BadRequest("The address is not UTF-8.") from error


def _home() -> Answer:
    return redirect(f"{PATH}/orders", HTTPStatus.SEE_OTHER)


def _nowhere(path: str) -> Answer:
    raise NotFound(f"The console has no page {path[:80]!r}.")


def _answer_problem(problem: Problem) -> Answer | tuple[str, int] | tuple[str, int, dict[str, str]]:
    if problem.code == "unauthenticated":
        return to_login(problem)
    tell_problem(problem)
    status = problem.kind.status
    title = _TITLES.get(problem.code, problem.kind.title)
    again = {name: value for name, value in problem.response_headers().items() if name == "Retry-After"}
    return *_error(status, title, problem.detail, _NEXT.get(problem.code)), again


def _answer_http_exception(error: HTTPException) -> Answer | tuple[str, int]:
    status = HTTPStatus(error.code or 500)
    return _error(status, status.phrase, error.description or "", None)


def _answer_fault(error: Exception) -> Answer | tuple[str, int]:
    """Answer what nobody expected: logged once in full, told to nobody."""
    tell_fault(error)
    said = f"The fault is in the log under request {request_id()}."
    return _error(HTTPStatus.INTERNAL_SERVER_ERROR, _TITLES["internal_error"], said, None)


def _error(status: int, title: str, said: str, advice: str | None) -> tuple[str, int]:
    facts = {"status": int(status), "title": title, "said": said, "advice": advice}
    if not wants_part():
        return render_template("error.html", **facts), status
    again = request.full_path if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return render_template("error_part.html", target=target(), again=again, **facts), status


def _secure(response: Response) -> Response:
    if not isinstance(response, Reply):  # a file or a stream, with headers of its own
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
    return response
