"""Time limits for clients, who hold a thread while they send and take: per request, and per piece of an answer.

A limit for each single `recv` or `send` is none: a byte now and then would hold the thread for ever.
"""

import errno
import select
import socket
from time import monotonic

from gunicorn.http.unreader import SocketUnreader

RECEIVE_SECONDS = 15.0
"""How long a client may take to send a request, head and body."""

SEND_SECONDS = 15.0
"""How long it may take to receive an answer, or a piece of a streamed one."""


class TimedUnreader(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """Reads from a client until its time is over. Raises `BlockingIOError` then."""

    sock: socket.socket
    mxchunk: int
    until = 0.0

    def begin(self) -> None:
        """Let the time for a request begin."""
        self.until = monotonic() + RECEIVE_SECONDS

    def chunk(self) -> bytes:
        """Read what there is, or what comes next."""
        try:
            return self.sock.recv(self.mxchunk, socket.MSG_DONTWAIT)
        except BlockingIOError:
            more = select.poll()
            more.register(self.sock, select.POLLIN)
            if not more.poll(max(0.0, self.until - monotonic()) * 1000):
                raise BlockingIOError(errno.EAGAIN, "the request did not arrive in time") from None
            return self.sock.recv(self.mxchunk, socket.MSG_DONTWAIT)


def send(client: socket.socket, answer: bytes) -> None:
    """Send all of it. Raises `TimeoutError`."""
    try:
        sent = client.send(answer, socket.MSG_DONTWAIT)
    except BlockingIOError:
        sent = 0
    if sent < len(answer):
        client.settimeout(SEND_SECONDS)  # for `sendall` as a whole
        client.sendall(memoryview(answer)[sent:])
        client.settimeout(None)
