"""Consumers of the event feed that keep what they saw in a file: `python feed_consumers.py stream|pages URL TOKEN FILE`.

A line of the file is a position and a type. It is written in one piece, and the last whole line is where to go on: what
was seen and how far that is are the same thing, so that no moment to be killed in comes between them.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

PAUSE_SECONDS = 0.1


def stream(client: httpx.Client, after: int) -> Iterator[tuple[int, str]]:
    """One connection's events, in the words of Server-Sent Events."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
    with client.stream("GET", "/v1/events", headers=headers) as response:
        response.raise_for_status()
        event: dict[str, str] = {}
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if line:
                event[name] = value
                continue
            if "data" in event:
                assert json.loads(event["data"])["position"] == int(event["id"])
                yield int(event["id"]), event["event"]
            event = {}


def pages(client: httpx.Client, after: int) -> Iterator[tuple[int, str]]:
    """The events of one page."""
    page = client.get("/v1/events", params={"after": after, "limit": 333}).raise_for_status().json()
    yield from ((item["position"], item["type"]) for item in page["items"])


def place(file: Path) -> int:
    """Where to go on; half a line at the end was never written."""
    written = file.read_bytes() if file.exists() else b""
    whole = written[: written.rfind(b"\n") + 1]
    if whole != written:
        os.truncate(file, len(whole))
    return int(whole.splitlines()[-1].split()[0]) if whole else 0


if __name__ == "__main__":
    way, url, token, name = sys.argv[1:]
    file = Path(name)
    follow = {"stream": stream, "pages": pages}[way]
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        while True:
            after = place(file)
            with file.open("ab", buffering=0) as kept:
                try:
                    for position, type_ in follow(client, after):
                        kept.write(f"{position} {type_}\n".encode())
                except httpx.HTTPError:
                    pass
            time.sleep(PAUSE_SECONDS)
