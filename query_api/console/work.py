"""Work lists: why staff should look at orders, and what the warehouse has to send."""

from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from flask import request

from query_api.console.console import Console, wants_part
from query_api.console.labels import LABELS
from query_api.console.session import PATH
from query_api.parameters import parse
from query_api.queries import attention as needs
from query_api.queries import fulfillment_queue
from query_api.queries.order_list import Page
from query_api.work_routes import ATTENTION, QUEUE
from query_api.work_shapes import ATTENTION_KINDS, InQueue, NeedOfAttention

ROWS = 50

_queued = msgspec.json.Decoder(InQueue).decode
_need = msgspec.json.Decoder(NeedOfAttention).decode


class Choice(NamedTuple):
    """A part of a list that can be chosen."""

    text: str
    url: str
    chosen: bool


def add_work(console: Console) -> None:
    """Add both lists."""

    @console.get("/attention", scope="orders:read")
    def attention() -> str:
        sent = _sent(("kind", "cursor"), ATTENTION)
        page = needs.page(console.read, sent.get("kind", ()), ROWS, sent.get("cursor"))
        choices = _choices("attention", "kind", {kind: LABELS["attention"][kind].text for kind in ATTENTION_KINDS})
        return _list(console, "attention", page, [_need(item) for item in page.items], choices)

    @console.get("/queue", scope="orders:read")
    def queue() -> str:
        sent = _sent(("state", "ship_country", "cursor"), QUEUE)
        asked = fulfillment_queue.Asked(sent.get("state", ()), sent.get("ship_country", ()))
        page = fulfillment_queue.page(console.read, asked, ROWS, sent.get("cursor"))
        choices = _choices("queue", "state", {state: it.text for state, it in LABELS["queue"].items()})
        return _list(console, "queue", page, [_queued(item) for item in page.items], choices)


def _sent(names: tuple[str, ...], parsers: Any) -> dict[str, Any]:  # noqa: ANN401 -- those of a route
    """Give the parameters that are filled in. Raises a `Problem` for what no link of ours says."""
    given = {name: value for name in names if (value := request.args.get(name, "").strip())}
    return parse(urlencode(given), parsers)


def _choices(view: str, name: str, texts: dict[str, str]) -> list[Choice]:
    chosen = request.args.get(name, "")
    every = Choice("All", f"{PATH}/{view}", not chosen)
    some = [Choice(text, f"{PATH}/{view}?{urlencode({name: value})}", chosen == value) for value, text in texts.items()]
    return [every, *some]


def _list(console: Console, view: str, page: Page, items: list[Any], choices: list[Choice]) -> str:
    kept = {name: value for name, value in request.args.items() if name != "cursor" and value}

    def url(cursor: str | None) -> str | None:
        return cursor and f"{PATH}/{view}?{urlencode(kept | {'cursor': cursor})}"

    return console.page(
        f"{view}_part.html" if wants_part() else f"{view}.html",
        page.position,
        items=items,
        choices=choices,
        prev_url=url(page.prev_cursor),
        next_url=url(page.next_cursor),
        here=f"{PATH}/{view}?{urlencode(dict(request.args))}",
    )
