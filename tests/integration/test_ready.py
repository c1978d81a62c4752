"""A service says that it is ready when the last of its workers is, whichever of them that is."""

import fcntl
import os

import httpx

from tests.support.parts import free_port
from tests.support.posting import until
from tests.support.processes import line_of, python

SERVICE = """
import contextlib, fcntl, os, sys
from shared import http, logs, serving
from shared.service_routes import add_service_routes

@contextlib.contextmanager
def opened():
    try:
        os.close(os.open(f"{sys.argv[1]}.first", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        pass
    else:
        os.write(1, b"the first one waits\\n")
        with open(sys.argv[1]) as gate:
            fcntl.flock(gate, fcntl.LOCK_SH)
    app = http.new_app("test")
    add_service_routes(app, "test", dict)
    yield app

logs.configure("test")
serving.serve(opened, serving.Serving(port=int(sys.argv[2]), workers=2, threads=2))
"""


def test_it_is_ready_when_its_last_worker_is(tmp_path):
    port, gate, ready = free_port(), tmp_path / "gate", tmp_path / "ready.json"
    environment = os.environ | {"DAYBOOK_READY_FILE": str(ready), "DAYBOOK_LOG_FORMAT": "text"}
    with gate.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with python(SERVICE, gate, port, env=environment) as process:
            line_of(process, "the first one waits")
            until(lambda: serves(port), "the second one serves")
            assert not ready.exists()
            fcntl.flock(held, fcntl.LOCK_UN)
            line_of(process, "ready at")
            assert ready.exists()


def serves(port):
    """Whether it does; who is dealt to the one that waits asks again."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
