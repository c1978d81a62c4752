"""Pictures of every page of the console, with the December shop loaded: `python -m tests.e2e.screenshots FOLDER [WORD]`.

Wide and narrow, light and dark, whole pages; with a word, only the pages whose name contains it. For people to look at.
"""

import json
import random
import sys
import tempfile
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path

from click.testing import CliRunner

from command_api import demo
from command_api.import_file import import_command
from shared import embedded_postgres
from tests.support import chromium, databases, open_house, retail
from tests.support.orders import handling
from tests.support.posting import ask, projector, until
from tests.support.query_api import query_api, token

DECEMBER = "from=2010-12-01&to=2010-12-24&currency=GBP"
PAGES = {
    "login": "/console/login",
    "orders": "/console/orders",
    "orders-found": "/console/orders?q=ada&status=placed",
    "orders-none": "/console/orders?q=nobody-has-this-name",
    "order": "/console/orders/{order}",
    "order-as-it-stood": "/console/orders/{order}?version=4",
    "order-december": "/console/orders/{december}",
    "order-quarantined": "/console/orders/{quarantined}",
    "live": "/console/live",
    "sales": "/console/sales",
    "sales-december": f"/console/sales?{DECEMBER}",
    "sales-december-weeks": f"/console/sales?{DECEMBER}&group_by=week",
    "attention": "/console/attention",
    "queue": "/console/queue",
    "nowhere": "/console/nowhere",
}
LONGEST = """
SELECT listed.order_id
FROM {reads}.order_list AS listed
JOIN {reads}.order_timeline AS event ON event.order_id = listed.order_id
WHERE listed.number LIKE 'SO-%' AND listed.customer_name IS NOT NULL
GROUP BY listed.order_id
ORDER BY count(*) DESC, max(event.position)
LIMIT 1
"""
DECEMBER_ORDER = """
SELECT order_id
FROM {reads}.order_list
WHERE channel = 'uci' AND line_count BETWEEN 15 AND 20
ORDER BY external_id
LIMIT 1
"""
SIZES = {"wide": chromium.DESKTOP, "phone": chromium.PHONE}


def main(folder, word=""):
    with (
        tempfile.TemporaryDirectory(prefix="daybook-pictures-") as directory,
        embedded_postgres.opened(Path(directory) / "data") as server,
        databases.fresh(server) as url,
        chromium.launched() as browser,
    ):
        Path(directory).chmod(0o711)
        book = databases.with_schemas(url)
        december = Path(directory) / "december.ndjson"
        december.write_text("".join(json.dumps(order) + "\n" for order in retail.orders()))
        rejects = Path(directory) / "rejects.ndjson"
        CliRunner().invoke(import_command, [str(december), "--rejects", str(rejects), "--database-url", url])
        quarantined = open_house.fill(book)
        with projector(book, Path(directory)), query_api(book, Path(directory)) as service:
            until(lambda: open_house.at_head(book), "the read tables are at the head")
            names = _orders(book) | {"quarantined": quarantined}
            for name, path in PAGES.items():
                if word in name:
                    with _business(book) if name == "live" else nullcontext():
                        _pictures(browser, service.url, path.format(**names), folder / name)


@contextmanager
def _business(book):
    """Orders come in meanwhile."""
    over = threading.Event()

    def invent():
        writing, chance = handling(book), random.Random(7)
        while not over.wait(chance.uniform(0.1, 1.5)):
            demo.invent(writing, chance.randint(1, 4), chance)
        writing.store.close()

    shop = threading.Thread(target=invent)
    shop.start()
    try:
        yield
    finally:
        over.set()
        shop.join()


def _orders(book):
    """An invented order with a long life, and one of the December shop with some lines."""
    return {"order": ask(book, LONGEST), "december": ask(book, DECEMBER_ORDER)}


def _pictures(browser, url, path, name):
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            with chromium.window(browser, url, viewport=viewport, scheme=scheme) as window:
                if "login" not in path:
                    window.log_in(token())
                window.page.goto(path)
                window.page.wait_for_load_state("networkidle")
                if name.name == "live":
                    window.page.wait_for_timeout(20_000)
                window.page.screenshot(path=f"{name}-{size}-{scheme}.png", full_page=True)
                found = (window.barriers(), window.overflow(), window.complaints)
                print(f"{name.name}-{size}-{scheme}", "" if found == ([], 0, []) else found, flush=True)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    main(target, *sys.argv[2:])
