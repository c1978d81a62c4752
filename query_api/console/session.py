"""Who looks at the console: a bearer token, entered once, that the browser keeps in a cookie.

The cookie is the token itself: nothing has to be stored here, every worker understands it, a restart changes nothing,
and it is good for exactly as long and for exactly as much as the token is. Scripts cannot read it (HttpOnly), it goes
to no other path, and over https only where it came by https. It is `Lax` rather than `Strict`, so that a link to an
order in a chat opens the order: what is reached by a link only reads. The two forms that change the cookie insist on
having been sent by a page of the console itself.
"""

import time
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as Answer

from shared.auth import Authenticator, Principal
from shared.problem_lines import tell_problem
from shared.problems import Problem

COOKIE = "daybook_token"
PATH = "/console"
LONGEST_TOKEN = 3800
"""Browsers keep cookies of up to 4096 bytes, name and attributes included."""

_OUTLIVES_SECONDS = 24 * 3600
"""So much longer than its token the cookie is kept, so that the login page can say what has become of it."""

_LARGEST_FORM = 16 * 1024
_WHY = {
    "expired": "Your token has expired. Enter a new one to go on where you were.",
    "refused": "Your token is not accepted any more. Enter another one to go on where you were.",
    "left": "You have logged out: this browser has forgotten the token.",
}
"""Why the login page is shown, and what it says then."""


def principal(authenticator: Authenticator) -> Principal:
    """Give who looks. Raises a `Problem`: 401 without a good token, 503 while it cannot be checked."""
    token = request.cookies.get(COOKIE)
    return authenticator.principal(f"Bearer {token}" if token else None)


def to_login(problem: Problem) -> Answer:
    """Send whoever has no good token to the login page, which says why, and from there back to where they were."""
    asks_for_part = "HX-Request" in request.headers
    try:
        shown = urlsplit(request.headers.get("HX-Current-URL", "") if asks_for_part else request.full_path)
    except ValueError:  # no browser's address: half an IPv6 one, for instance
        shown = urlsplit("")
    here = {"next": f"{shown.path}?{shown.query}" if shown.query else shown.path}
    why = {"why": "expired" if "expired" in problem.detail else "refused"} if COOKIE in request.cookies else {}
    login = f"{PATH}/login?{urlencode(here | why)}"
    if asks_for_part:
        return Response(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": login})
    return redirect(login, HTTPStatus.SEE_OTHER)


def add_session(blueprint: Blueprint, authenticator: Authenticator) -> None:
    """Add the pages that take a token and forget it."""

    @blueprint.get("/login")
    def login() -> str:
        return _form(_WHY.get(request.args.get("why", ""), ""), request.args.get("next", ""))

    @blueprint.post("/login")
    def enter() -> Answer | tuple[str, int]:
        _require_own_page()
        request.max_content_length = _LARGEST_FORM
        token, wanted = "".join(request.form.get("token", "").split()), request.form.get("next", "")
        try:
            known = _checked(authenticator, token)
        except Problem as problem:
            tell_problem(problem)
            said = problem.detail if token else "Enter a token."
            return _form(said, wanted, failed=True), problem.kind.status
        answer = redirect(wanted if _is_ours(wanted) else f"{PATH}/", HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            COOKIE,
            token,
            max_age=max(0, int(known.expires_at - time.time())) + _OUTLIVES_SECONDS,
            path=PATH,
            secure=_came_by_https(),
            httponly=True,
            samesite="Lax",
        )
        return answer

    @blueprint.post("/logout")
    def leave() -> Answer:
        _require_own_page()
        answer = redirect(f"{PATH}/login?why=left", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(COOKIE, path=PATH, secure=_came_by_https(), httponly=True, samesite="Lax")
        return answer


def _checked(authenticator: Authenticator, token: str) -> Principal:
    if len(token) > LONGEST_TOKEN:
        raise Problem("unauthenticated", f"A token of more than {LONGEST_TOKEN} characters fits no cookie.")
    return authenticator.principal(f"Bearer {token}")


def _form(said: str, wanted: str, *, failed: bool = False) -> str:
    return render_template("login.html", said=said, failed=failed, wanted=wanted if _is_ours(wanted) else "")


def _is_ours(path: str) -> bool:
    """Whether a path leads to a page of the console, and so to no other host."""
    return path.startswith(f"{PATH}/") and path.isprintable() and "\\" not in path


def _require_own_page() -> None:
    """Raise 403 unless a page of this very origin sent the form, by what the browser itself says of it."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "")
    own = site == "same-origin" if site else urlsplit(origin).netloc == request.headers.get("Host", "none")
    if not own:
        raise Forbidden("Another site sent this form, or no browser did. Open the console itself and try again.")


def _came_by_https() -> bool:
    """Whether the browser came by https: it says so itself, whatever proxies stand between, or one that we trust."""
    return request.is_secure or request.headers.get("Origin", "").startswith("https://")
