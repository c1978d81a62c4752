"""Serve a WSGI app with gunicorn's threads, started from our own command line.

The socket is bound before anything forks: a taken port is one sentence, and port 0 is a real port before
anybody asks for it. Each worker process opens the app for itself after the fork and closes it at its end.
"""

import gc
import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from shared import metric_files, telling, tracing
from shared.anticipated import Anticipated
from shared.data_directory import write_private
from shared.proxies import Addresses
from shared.request_lines import Told
from shared.worker import PoliteWorker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

RARE_COLLECTIONS = 20_000, 20, 20
"""For `gc`: a request makes many objects and hardly a cycle, and what was there before the first one stays."""

READY_FILE_VARIABLE = "DAYBOOK_READY_FILE"

_log = logging.getLogger(__name__)

Opened = Callable[[], AbstractContextManager["WSGIApplication"]]
"""Opens the app with its connections, in the process that will serve it; leaving the context closes them."""


class CannotListen(Anticipated):
    """The port is taken, or the address is not ours."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How to serve. Port 0 means any free one."""

    host: str = "127.0.0.1"
    port: int
    workers: int = 2
    threads: int = 16
    metrics: bool = True
    """Whether `/metrics` shows anything."""
    queue: int = 16
    """Requests that may wait for a thread of one worker; who comes then is answered 503 at once."""
    grace_seconds: int = 15
    """How long requests under way may still take after SIGTERM."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose `X-Forwarded-For` and `-Proto` are believed."""


def serving_options(port: int, port_variable: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a click command `--host`, `--port`, `--workers` and so on, the fields of a `Serving`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        ports, few, many = click.IntRange(0, 65535), click.IntRange(1, 64), click.IntRange(1, 256)
        proxies = "Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."
        for name, variable, default, kind, says in (
            ("--trusted-proxies", "DAYBOOK_TRUSTED_PROXIES", "", Addresses(), proxies),
            ("--queue", "DAYBOOK_QUEUE", 16, click.IntRange(0, 10_000), "Requests that wait for a worker's threads."),
            ("--threads", "DAYBOOK_THREADS", 16, many, "Requests that one worker serves at a time."),
            ("--workers", "DAYBOOK_WORKERS", 2, few, "Worker processes."),
            ("--port", port_variable, port, ports, "Port to listen at; 0 takes a free one."),
            ("--host", "DAYBOOK_HOST", "127.0.0.1", click.STRING, "Address to listen at."),
        ):
            shown: dict[str, Any] = {"envvar": variable, "show_envvar": True, "show_default": True}
            command = click.option(name, default=default, type=kind, help=says, **shown)(command)
        return metrics_option(command)

    return decorate


metrics_option = click.option(
    "--metrics/--no-metrics",
    envvar="DAYBOOK_METRICS",
    show_envvar=True,
    default=True,
    show_default="on",
    help="Show metrics at /metrics, to anybody who reaches the port.",
)


def serve(opened: Opened, serving: Serving) -> None:
    """Serve until SIGTERM or SIGINT, then end the process; it does not return.

    When `DAYBOOK_READY_FILE` names a file, `{"url": …}` is written there once all workers accept.
    """
    master = os.getpid()
    with reserve(serving.host, serving.port) as reserved, metric_files.made(wanted=serving.metrics):
        host, port, *_ = reserved.getsockname()
        reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- shown, not bound
        try:
            _Server(opened, serving, _place(host, port), f"http://{_place(reached, port)}").run()
        except SystemExit as end:
            if os.getpid() != master:  # a worker: what was opened before the fork is for the master to close
                logging.shutdown()
                os._exit(end.code if isinstance(end.code, int) else 1)
            raise


def reserve(host: str, port: int) -> socket.socket:
    """Take the port for all our workers, not listening yet. A taken port is a sentence, not a traceback.

    Each worker listens at a socket of its own (SO_REUSEPORT) and the kernel deals out the connections: at one shared
    socket, the worker that wakes first takes a whole burst of them and the others idle.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family) as alone:  # shares with nobody, so that another service here is noticed
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(address)
            address = alone.getsockname()
        reserved = socket.socket(family)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(address)
    except OSError as error:
        reason = f"{error.strerror or error}; choose another port"
        raise CannotListen(f"cannot listen at {host}:{port}: {reason}") from error
    return reserved


_LAST_TURN = b"!"


def _turns(workers: int) -> int:
    """A pipe from which each of the first workers takes a byte, the last of them `_LAST_TURN`, and later ones none."""
    reading, writing = os.pipe()
    os.write(writing, b"." * (workers - 1) + _LAST_TURN)
    os.close(writing)
    return reading


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, opened: Opened, serving: Serving, bind: str, url: str) -> None:
        self._opened = opened
        self._serving = serving
        self._bind = bind
        self._url = url
        self._open = ExitStack()
        self._turns = _turns(serving.workers)
        super().__init__()

    def load_config(self) -> None:
        PoliteWorker.queue = self._serving.queue
        settings = {
            "bind": self._bind,
            "reuse_port": True,
            "backlog": 2048,
            "workers": self._serving.workers,
            "threads": self._serving.threads,
            "worker_class": PoliteWorker,
            "http_parser": "auto",  # the C parser of gunicorn[fast] where it is installed
            "keepalive": 30,
            "timeout": 60,
            "graceful_timeout": self._serving.grace_seconds,
            "limit_request_line": 8190,
            "limit_request_fields": 100,
            "limit_request_field_size": 8190,
            "forwarded_allow_ips": ",".join(self._serving.trusted_proxies),
            "secure_scheme_headers": {"X-FORWARDED-PROTO": "https"},
            "forwarder_headers": "",  # where we are mounted is for nobody to say
            "control_socket_disable": True,
            "logger_class": _ServerLog,
            "post_worker_init": self._announce,
            "child_exit": lambda _server, worker: metric_files.forget(worker.pid),
            "worker_exit": lambda _server, _worker: self._open.close(),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":
        self._open.enter_context(tracing.opened())
        told = self._open.enter_context(telling.opened(exposed=self._serving.metrics))
        app = Told(self._open.enter_context(self._opened()), told, self._serving.threads)
        gc.freeze()
        gc.set_threshold(*RARE_COLLECTIONS)
        return app

    def _announce(self, _worker: Any) -> None:  # noqa: ANN401 -- gunicorn has no types
        """Say that we are ready: the last of the first workers does; later ones only replace a dead one."""
        if os.read(self._turns, 1) != _LAST_TURN:
            return
        path = os.environ.get(READY_FILE_VARIABLE)
        if path:
            beside = Path(f"{path}.{os.getpid()}")
            write_private(beside, json.dumps({"url": self._url}))
            beside.replace(path)
        _log.info("ready at %s, %s workers of %s threads", self._url, self._serving.workers, self._serving.threads)


class _ServerLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own words go where ours go, and only when something is wrong."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 -- gunicorn has no types
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)

    def access(self, *_: object) -> None:
        pass

    def exception(self, msg: str, *args: object, **facts: Any) -> None:  # noqa: ANN401 -- as in logging
        if not isinstance(sys.exc_info()[1], BlockingIOError | TimeoutError):  # a client that stalled: its own affair
            super().exception(msg, *args, **facts)
