"""A bounded queue before the threads of a worker: beyond it, requests are answered 503 at once and unread.

Whoever waits longer than a client does is served for nothing, and makes all behind it wait longer: under more load than
there are threads for, a short queue and quick refusals are what keeps the accepted ones fast.
"""

import errno
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from time import monotonic
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from shared.problems import Problem
from shared.raw_answer import raw_answer

PROBES = (b"GET /livez ", b"GET /readyz ", b"GET /metrics ")
"""Served by threads of their own when all others are busy: who asks whether we live is not told to come later."""

ACCEPTED_AT_ONCE = 64
_PROBE_THREADS = 2
_LINGER_SECONDS = 2.0
_LONGEST = 65536
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,6})[ \t]*\r\n", re.IGNORECASE)
_FRAMING = re.compile(rb"content-length|transfer-encoding", re.IGNORECASE)


class BoundedWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """All of this is done by the main thread of a worker but for the requests themselves."""

    queue = 16
    """Requests that may wait for a thread."""

    def init_process(self) -> None:
        """Begin with nothing under way."""
        self._under_way = 0
        self._probing = ThreadPoolExecutor(_PROBE_THREADS, "probe")
        self._busy = Problem("overloaded", "All threads are busy, and as many requests as may wait for one do.")
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Accept what is there. A client that has sent nothing yet gets no thread: it waits in the main loop."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                client, address = listener.accept()
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                    raise
                return
            self.nr_conns += 1
            conn = TConn(self.cfg, client, address, listener.getsockname())
            if _received(conn.sock, 1) is None:
                self._await(conn, self.pending_conns, self.cfg.keepalive, self.on_pending_socket_readable)
            else:
                conn.data_ready = True
                self.enqueue_req(conn)

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401 -- gunicorn has no types
        """Have the request served, or turn it away."""
        conn.asked_at = monotonic()
        if self._under_way < self.cfg.threads:
            self._serve(conn)
            return
        begun = _received(conn.sock, _LONGEST)
        if begun is not None and begun.startswith(PROBES):
            served = self._probing.submit(self.handle, conn)
            served.add_done_callback(partial(self.method_queue.defer, super().finish_request, conn))
        elif self._under_way < self.cfg.threads + self.queue:
            self._serve(conn)
        else:
            self._turn_away(conn, begun or b"")

    def finish_request(self, conn: Any, fs: Any) -> None:  # noqa: ANN401 -- gunicorn has no types
        """Go on with the connection after a request."""
        self._under_way -= 1
        super().finish_request(conn, fs)

    def _serve(self, conn: Any) -> None:  # noqa: ANN401 -- gunicorn has no types
        self._under_way += 1
        super().enqueue_req(conn)

    def _turn_away(self, conn: Any, begun: bytes) -> None:  # noqa: ANN401 -- gunicorn has no types
        """Answer 503; go on with the connection only where it is certain where the next request begins."""
        whole = _is_whole(begun) and not (conn.initialized and conn.parser.unreader.buf.getbuffer().nbytes)
        try:
            answer = raw_answer(self._busy, "keep-alive" if whole else "close")
            conn.sock.recv(len(begun), socket.MSG_DONTWAIT)  # and no more: what came since is another request
            whole &= conn.sock.send(answer, socket.MSG_DONTWAIT) == len(answer)
            if not whole:
                conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.nr_conns -= 1
            conn.close()
            return
        if whole:
            self._await(conn, self.keepalived_conns, self.cfg.keepalive, self.on_client_socket_readable)
        else:  # what it still sends is taken, so that it can read the answer (RFC 9112 §9.6)
            self._await(conn, self.pending_conns, _LINGER_SECONDS, self._taken)

    def _await(self, conn: Any, waiting: Any, seconds: float, go_on: Any) -> None:  # noqa: ANN401 -- gunicorn has no types
        conn.sock.setblocking(False)
        conn.timeout = monotonic() + seconds
        waiting.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(go_on, conn))

    def _taken(self, conn: Any, client: socket.socket) -> None:  # noqa: ANN401 -- gunicorn has no types
        try:
            if monotonic() < conn.timeout and client.recv(_LONGEST):
                return
        except OSError:
            pass  # it has hung up
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        self.nr_conns -= 1
        conn.close()


def _received(client: socket.socket, most: int) -> bytes | None:
    """What has arrived, left where it is; None if there is nothing yet."""
    try:
        return client.recv(most, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    except OSError:
        return None


def _is_whole(begun: bytes) -> bool:
    """Whether this is one request, the whole of it and nothing else. What another reader may take otherwise is not."""
    head, end, body = begun.partition(b"\r\n\r\n")
    if not end or head.count(b"\n") != head.count(b"\r\n"):
        return False
    lengths = _LENGTH.findall(head + b"\r\n")
    if len(lengths) > 1 or len(lengths) != len(_FRAMING.findall(head)):
        return False
    return len(body) == (int(lengths[0]) if lengths else 0)
