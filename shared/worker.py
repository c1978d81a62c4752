"""A gunicorn thread worker with better manners: it stops at once when idle, and its errors are problems."""

import select
import socket
import time
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException

from shared import deadline, slow_clients
from shared.admission import BoundedWorker
from shared.framing import be_strict
from shared.http import JSON, Headers
from shared.http_security import OVER_TLS
from shared.problems import Problem
from shared.proxies import client_address
from shared.raw_answer import raw_answer
from shared.worker_words import IS_SERVING

_UNCHECKED = frozenset([*OVER_TLS, ("Content-Type", JSON)])
_PATIENCE_MS = 2
_WORTH_TAKING = 64 * 1024
"""Bytes of a body that nobody wanted: gunicorn takes fewer than that, to go on with the connection."""

_LINGER_SECONDS = 2.0
_LINGER_BYTES = 4 * 1024 * 1024


class PoliteWorker(BoundedWorker):
    """What we change in gunicorn's `gthread` worker, each as small as it can be."""

    wsgi: Any

    def init_process(self) -> None:
        """Read strictly and answer in one piece from now on; gunicorn has no settings for its classes."""
        be_strict()
        wsgi.Response = _WholeResponse
        super().init_process()

    def load_wsgi(self) -> None:
        """Let the app see whether this process still serves, and who asks."""
        super().load_wsgi()
        app, is_serving = self.wsgi, lambda: bool(self.alive)
        trusted = self.cfg.forwarded_allow_networks()

        def told(environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 -- gunicorn has no types
            environ[IS_SERVING] = is_serving
            if trusted:
                peer, forwarded_for = environ["REMOTE_ADDR"], environ.get("HTTP_X_FORWARDED_FOR")
                environ["REMOTE_ADDR"] = client_address(peer, forwarded_for, trusted)
            return app(environ, start_response)

        self.wsgi = told

    def murder_keepalived(self) -> None:
        """Close kept-alive connections that are due; once stopping, all that are idle, or have not begun.

        Stock gunicorn waits for idle clients to go away, up to the whole graceful timeout.
        """
        if not self.alive:
            for connection in (*self.keepalived_conns, *self.pending_conns):
                connection.timeout = 0.0
        super().murder_keepalived()

    def handle(self, conn: Any) -> Any:  # noqa: ANN401 -- gunicorn has no types
        """Serve a request, and those that follow at once; then linger if the connection is to be closed.

        Stock gunicorn lingers in its main loop, where a client that does not close stalls all others.
        """
        deadline.asked(conn.asked_at)
        if not conn.initialized:
            conn.init()
            conn.parser.unreader = slow_clients.TimedUnreader(conn.sock)
        conn.parser.unreader.begin()
        keep = super().handle(conn)
        if keep is False:
            _linger(conn.sock)
        return keep

    def _keepalive_after(self, conn: Any, keepalive: object) -> bool:  # noqa: ANN401 -- gunicorn has no types
        """Serve the requests that follow at once on the same connection; whether it can be used again after them.

        Stock gunicorn sends the connection through its main loop between any two requests: two more thread switches,
        half the latency of a client that goes on at once.
        """
        usable = bool(keepalive) and self._is_emptied(conn)
        while usable and self.alive and self._asks_again(conn.sock):
            deadline.asked(time.monotonic())
            conn.parser.unreader.begin()
            usable = self.handle_request(next(conn.parser), conn) and self._is_emptied(conn)
        return usable

    def _is_emptied(self, conn: Any) -> bool:  # noqa: ANN401 -- gunicorn has no types
        """Take what is left of a request's body. One that nobody wanted and nobody can read: it cannot be taken.

        Nearly always nothing is left. Stock gunicorn sets the socket's timeout four times even so, and each time it
        gives up the interpreter lock to another thread.
        """
        body = conn.parser.mesg.body
        if isinstance(body.reader, LengthReader) and not body.reader.length and not body.buf.tell():
            conn.parser.mesg = None
            return True
        try:
            return bool(super()._keepalive_after(conn, keepalive=True))
        except (OSError, ParseException):  # the request has its answer; it does not get another one
            return False

    def _asks_again(self, client: socket.socket) -> bool:
        """Whether the next request is there within a moment, unless other connections wait for this thread."""
        if not self.tpool._work_queue.empty():  # noqa: SLF001 -- the executor has no public word for it
            return False
        waiting = select.poll()
        waiting.register(client, select.POLLIN)
        return bool(waiting.poll(_PATIENCE_MS))

    def handle_error(self, _req: object, client: socket.socket, _addr: object, exc: Exception) -> None:
        """Answer what is not HTTP, or too much of it, like every other error."""
        if isinstance(exc, ParseException):
            too_large = isinstance(exc, LimitRequestHeaders | LimitRequestLine)
            problem = Problem("headers_too_large" if too_large else "malformed_request")
            self.log.debug("refused a request that cannot be read: %s", exc)
        else:
            problem = Problem("internal_error")
            self.log.error("unexpected fault outside the app", exc_info=exc)
        _send(client, problem)


class _WholeResponse(wsgi.Response):  # type: ignore[misc]  # gunicorn has no types
    """Sends head and body of a finished answer at once: each send gives up the interpreter lock to another thread."""

    headers_sent: bool

    def should_close(self) -> bool:
        """Say so also when more of the request is left than is worth taking: else the next one would get no answer."""
        reader = self.req.body.reader
        unread = reader.length >= _WORTH_TAKING if isinstance(reader, LengthReader) else reader.parser is not None
        return unread or bool(super().should_close())

    def process_headers(self, headers: Headers) -> None:
        """Take over the app's headers. Those that are the same in all answers need no check in each."""
        for header in headers:
            if header in _UNCHECKED:
                self.headers.append(header)
            else:
                super().process_headers([header])

    def default_headers(self) -> list[str]:
        """Leave out `Server`: by what we serve is nobody's business. Dates are made once a second."""
        major, minor = self.req.version
        return [
            f"HTTP/{major}.{minor} {self.status}\r\n",
            _date(int(time.time())),
            f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n",
            *(["Transfer-Encoding: chunked\r\n"] if self.chunked else []),
        ]

    def write(self, arg: bytes) -> None:
        if self.headers_sent or self.chunked or self._omits_body or self.response_length != len(arg):
            self.sock.settimeout(slow_clients.SEND_SECONDS)
            super().write(arg)
            self.sock.settimeout(None)
            return
        fields = [f"{name}: {value}\r\n" for name, value in self.headers]
        slow_clients.send(self.sock, "".join([*self.default_headers(), *fields, "\r\n"]).encode("latin-1") + arg)
        self.headers_sent = True
        self.sent += len(arg)


@lru_cache(2)
def _date(second: int) -> str:
    return f"Date: {util.http_date(second)}\r\n"


def _send(client: socket.socket, problem: Problem) -> None:
    try:
        client.settimeout(_LINGER_SECONDS)
        client.sendall(raw_answer(problem))
    except OSError:
        pass  # the client is gone: nobody to tell


def _linger(client: socket.socket) -> None:
    """Let the client read our last words before we hang up (RFC 9112 §9.6); what it still sends is lost."""
    until = time.monotonic() + _LINGER_SECONDS
    left = _LINGER_BYTES
    try:
        client.shutdown(socket.SHUT_WR)
        while left > 0 and (seconds := until - time.monotonic()) > 0:
            client.settimeout(seconds)
            received = len(client.recv(65536))
            if not received:
                break
            left -= received
        client.shutdown(socket.SHUT_RD)
    except OSError:
        pass  # the client has hung up first
