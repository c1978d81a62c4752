"""The consumer of the event feed that the README shows; `test_feed_consumers.py` kills it again and again."""
# ruff: noqa: E401, E402, I001 -- as short as the README has it

import os

QUERY_URL, TOKEN = os.environ["QUERY_URL"], os.environ["TOKEN"]

# --- README
import sqlite3, time, httpx

mine = sqlite3.connect("mine.db")  # your own database
mine.execute("CREATE TABLE IF NOT EXISTS seen (position INTEGER, type TEXT)")
mine.execute("CREATE TABLE IF NOT EXISTS place AS SELECT 0 AS after")
daybook = httpx.Client(base_url=QUERY_URL, headers={"Authorization": f"Bearer {TOKEN}", "Prefer": "wait=30"}, timeout=40)
while True:
    (after,) = mine.execute("SELECT after FROM place").fetchone()
    try:
        page = daybook.get("/v1/events", params={"after": after}).raise_for_status().json()
    except httpx.HTTPError:
        time.sleep(1)
        continue
    with mine:  # one transaction: what you make of the events, and how far you are
        mine.executemany("INSERT INTO seen VALUES (:position, :type)", page["items"])
        mine.execute("UPDATE place SET after = ?", [page["next_after"]])
