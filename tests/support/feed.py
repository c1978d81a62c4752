"""The event feed as tests read it: pages one after the other, and streams of blocks."""

import re
from contextlib import contextmanager

from shared import auth
from tests.support.posting import until
from tests.support.reading import SECRET


def token(*scopes, ttl=3600):
    return auth.mint(SECRET, "consumer", scopes, ttl)


def waits(shop, count=1):
    until(lambda: shop.listener._waiting >= count, f"{count} wait")


def walked(shop, path="/v1/events?limit=2", after=0):
    """All items from a position on, page by page."""
    items = []
    while True:
        page = shop.get(f"{path}&after={after}")
        assert page.status_code == 200, page.text
        assert page.json["next_after"] >= after and [i["position"] for i in page.json["items"]] == sorted(
            {i["position"] for i in page.json["items"]}
        )
        items += page.json["items"]
        if page.json["next_after"] == after:
            return items
        after = page.json["next_after"]


@contextmanager
def stream(shop, path="/v1/events", bearer=None, **headers):
    """An open stream: a function that gives its next block as a dictionary of its fields."""
    sent = {"Accept": "text/event-stream", "Authorization": bearer or f"Bearer {token('events:read')}"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    response = shop.client.get(path, headers=sent, buffered=False)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/event-stream"
    assert "Content-Length" not in response.headers
    blocks = (block for piece in response.response for block in piece.decode().split("\n\n") if block)
    try:
        yield lambda: next((dict(re.findall(r"^(\w*): ?(.*)$", block, re.MULTILINE)) for block in blocks), None)
    finally:
        response.close()


def events_of(blocks, count):
    """The next `count` events of a stream, without what is no event."""
    found = []
    while len(found) < count:
        block = blocks()
        assert block is not None, "the stream has ended"
        if "data" in block:
            found.append(block)
    return found
