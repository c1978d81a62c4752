"""The operating guide where PostgreSQL itself is brought back, or taken over: servers of their own, really killed."""

import json
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from shared import auth
from shared.book import Book
from shared.database import connect
from shared.migrate import migrate
from tests.support import guide
from tests.support import parts as house
from tests.support.clusters import Cluster, copy
from tests.support.command_api import ORDER, SECRET
from tests.support.posting import until
from tests.support.processes import DEADLINE, line_of, running

BEARER = {"Authorization": f"Bearer {auth.mint(SECRET, 'shop', auth.SCOPES, 3600)}"}


class Shop:
    """Command API, projector and query API over the database of `url`, and its customers."""

    def __init__(self, directory, url):
        self.directory = directory
        self.environment = {"DAYBOOK_DATABASE_URL": url, "DAYBOOK_AUTH_SECRET": SECRET}
        self.running = ExitStack()

    def open(self):
        made = (house.command_api, house.query_api, house.projector)
        self.commands, self.queries, _ = [self.running.enter_context(part(self.directory, self.environment)) for part in made]

    def place(self, key):
        headers = BEARER | {"Idempotency-Key": key}
        return httpx.post(f"{self.commands.url}/v1/orders", json=ORDER, headers=headers, timeout=60)

    def placed(self, key):
        """The answer, once there is one."""
        return until(lambda: (answer := self.place(key)).status_code == 201 and answer, f"{key} is placed")

    def read(self, order_id, token):
        headers = BEARER | {"Consistency-Token": token, "Prefer": "wait=20"}
        return httpx.get(f"{self.queries.url}/v1/orders/{order_id}", headers=headers, timeout=60)

    def shows(self, answer):
        """Whether it can be read: asked again while the answer is that it cannot yet."""
        order_id, token = answer.json()["order_id"], answer.headers["Consistency-Token"]
        read = until(lambda: (read := self.read(order_id, token)).status_code != 503 and read, f"{order_id} is shown")
        return read.status_code == 200


@pytest.fixture
def place():
    """A folder that other accounts can enter."""
    with tempfile.TemporaryDirectory(prefix="daybook-test-") as directory:
        yield Path(directory)


@pytest.fixture
def parts(place):
    """What runs until the end of the test, and ends before `place` does."""
    with ExitStack() as stack:
        yield stack


def opened(parts, directory, url):
    shop = Shop(directory, url)
    parts.enter_context(shop.running)
    shop.open()
    return shop


def test_point_in_time_recovery(place, parts):
    archive = place / "account" / "archive"
    cluster = Cluster(place, archive_mode="on", archive_command=f"test -d {archive} || mkdir {archive}; cp %p {archive}/%f")
    parts.enter_context(cluster.running())
    migrate(cluster.url, cluster.url, Book())
    shop = opened(parts, place, cluster.url)
    kept = shop.placed("before-base")
    typing = parts.enter_context(guide.shell(cluster.account, DAYBOOK_DATABASE_URL=cluster.url))
    typing.run(f"PATH={cluster.commands}:$PATH")
    later, lost = [], []

    def happens():
        later.append(shop.placed("before-mistake"))
        time_of_mistake = datetime.now(UTC)
        lost.extend(shop.placed(f"lost-{number}") for number in range(3))
        assert shop.shows(lost[-1])
        typing.export(WHEN=time_of_mistake.isoformat(sep=" "))
        shop.running.close()
        cluster.stop()

    parts.enter_context(copy(typing, "restored"))
    with guide.entry("Point-in-time recovery") as follow:
        follow(typing, stop_everything_postgresql_too=happens, start_everything=shop.open)
    new = [shop.placed(f"after-{number}") for number in range(3)]
    assert new[-1].headers["Consistency-Token"].split(".")[1] == lost[-1].headers["Consistency-Token"].split(".")[1]
    assert all(shop.shows(answer) for answer in new)
    for answer in (kept, *later):  # of this past, under the new id
        position = answer.headers["Consistency-Token"].split(".")[1]
        again = shop.placed("before-mistake" if answer is not kept else "before-base")
        assert again.json() == answer.json()
        assert again.headers["Consistency-Token"] == f"{new[0].headers['Consistency-Token'].split('.')[0]}.{position}"
        assert shop.shows(again)
    refused = shop.read(lost[0].json()["order_id"], lost[0].headers["Consistency-Token"])
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_consistency_token")


def test_failover(place, parts):
    cluster = parts.enter_context(Cluster(place).running())
    port = house.free_port()
    migrate(cluster.url, cluster.url, Book())
    both = cluster.url.replace(f":{cluster.port}/", f":{cluster.port},127.0.0.1:{port}/")
    both += "?target_session_attrs=read-write"
    shop = opened(parts, place, both)
    typing = parts.enter_context(guide.shell(cluster.account, DAYBOOK_DATABASE_URL=both, PRIMARY_URL=cluster.url))
    typing.run(f"PATH={cluster.commands}:$PATH")
    typing.export(STANDBY_PORT=port)
    placed = []

    def dies():
        with connect(cluster.url) as admin:
            admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            admin.execute("SELECT pg_reload_conf()")
            until(lambda: admin.execute("SHOW synchronous_standby_names").fetchone() == ("*",), "commits wait for it")
        shop.queries.url = reader()
        placed.extend(shop.placed(f"before-{number}") for number in range(5))
        assert all(shop.shows(answer) for answer in placed)
        cluster.kill()
        assert all(shop.shows(answer) for answer in placed)
        began = time.monotonic()
        refused = shop.place("meanwhile")
        assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
        assert refused.headers["Retry-After"] and time.monotonic() - began < 15, "at once, not after hanging"

    def reader():
        environment = shop.environment | {"DAYBOOK_DATABASE_URL": both.replace("read-write", "prefer-standby")}
        return parts.enter_context(house.query_api(place, environment)).url

    parts.enter_context(copy(typing, "standby"))
    with guide.entry("Failover") as follow:
        follow(typing, the_primary_dies=dies)
    placed.extend(shop.placed(key) for key in ("meanwhile", "after"))
    assert all(shop.shows(answer) for answer in placed)
    again = [shop.placed(f"before-{number}") for number in range(5)]
    assert [answer.content for answer in again] == [answer.content for answer in placed[:5]]
    assert all(answer.headers["Idempotent-Replayed"] == "true" for answer in again)


SMALL = "size=200m,mode=711"


@pytest.fixture
def small_disk(place):
    """A disk that an empty database fills to a third."""
    disk = place / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", SMALL, "daybook-test", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield disk
    until(lambda: subprocess.run(["umount", disk], check=False).returncode == 0, "nobody is busy there any more")


def test_full_disk(small_disk, parts, place):
    ready_file, ballast = place / "ready.json", small_disk / "ballast"
    options = ("--data-dir", small_disk / "data", "--command-port=0", "--query-port=0", "--ready-file", ready_file)
    up = parts.enter_context(running(guide.BIN / "daybook", "up", *options))
    line_of(up, "Daybook is ready")
    threading.Thread(target=up.stdout.read, daemon=True).start()  # else its log lines fill the pipe
    parts.callback(up.wait, DEADLINE)
    parts.callback(up.terminate)
    ready = json.loads(ready_file.read_text())

    def place_order(key):
        headers = {"Authorization": f"Bearer {ready['token']}", "Idempotency-Key": key}
        return httpx.post(f"{ready['command_url']}/v1/orders", json=ORDER, headers=headers, timeout=60)

    def placed(key):
        return until(lambda: (answer := place_order(key)).status_code == 201 and answer, f"{key} is placed")

    answers = {"first": placed("first")}
    with suppress(OSError), ballast.open("wb", buffering=0) as file:  # until there is no room
        while True:
            file.write(bytes(65536))
    for number in range(1000):
        answer = answers[f"key-{number}"] = place_order(f"key-{number}")
        if answer.status_code != 201:
            break
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    typing = parts.enter_context(guide.shell(place, DAYBOOK_DATA_DIR=small_disk / "data"))
    with guide.entry("Full disk") as follow:
        follow(typing, make_room=ballast.unlink)
    again = {key: placed(key) for key in answers}
    assert all(again[key].content == answer.content for key, answer in answers.items() if answer.status_code == 201)
