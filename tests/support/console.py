"""The console's pages as a client without a browser sees them: a cookie, and HTML to look into."""

import re
from contextlib import contextmanager

from query_api.app import opened
from shared import auth
from shared.book import Book
from shared.environment import Databases
from tests.support.reading import SECRET, open_shop, settings

COOKIE = "daybook_token"
ALL = ("orders:read", "reports:read", "events:read")
UNSAFE = re.compile(
    r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:|https?://(?!www\.w3\.org)", re.IGNORECASE
)
"""What the content security policy would stop, or what would go to another host."""


def token(*scopes, ttl=3600):
    return auth.mint(SECRET, "ada", scopes or ALL, ttl)


class Visitor:
    """A client of the console. Without scopes it has those of a reader; `anonymous` has no cookie."""

    def __init__(self, client, *scopes, anonymous=False):
        self.client = client
        if not anonymous:
            client.set_cookie(COOKIE, token(*scopes), path="/console")

    def get(self, path, part=None, **headers):
        """Ask for a page, or with `part` for what replaces the element of this id."""
        if part:
            headers |= {
                "HX-Request": "true",
                "HX-Target": part,
                "HX-Current-URL": "http://localhost/console/orders?q=ada",
            }
        answer = self.client.get(f"/console{path}", headers=headers)
        if answer.mimetype == "text/html":
            assert not UNSAFE.search(answer.text), UNSAFE.search(answer.text)
        return answer

    def post(self, path, site="same-origin", **form):
        return self.client.post(f"/console{path}", data=form, headers={"Sec-Fetch-Site": site} if site else {})


@contextmanager
def open_console(databases, *scopes):
    """A shop, and somebody who looks at it."""
    with open_shop(databases) as shop:
        shop.visitor = Visitor(shop.client, *scopes)
        yield shop


@contextmanager
def console_without_database():
    """A console whose database is away."""
    nowhere = "postgresql://127.0.0.1:1/nowhere"
    with opened(settings(Databases(Book(), nowhere, nowhere))) as app:
        yield app.test_client()
