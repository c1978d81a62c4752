"""A network between clients and a server of this machine that can go dead, slow, or to pieces."""

import socket
import struct
import threading
from contextlib import contextmanager, suppress

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: a close that the other end sees as a broken connection."""


class Network:
    """Forwards connections to `target` while it is `up`; down, it neither forwards, nor refuses, nor closes.

    `delay` seconds are added to whatever goes either way.
    """

    def __init__(self, target):
        self.target = target
        self.up = threading.Event()
        self.up.set()
        self.delay = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._links = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._link, args=(client,), daemon=True).start()

    def cut(self):
        """Break every connection: both ends are told."""
        for link in self._all():
            link.cut()

    def forget_clients(self):
        """Half-open connections: the server is told that its clients are gone, and the clients are told nothing.

        Gives how to let the clients know in the end.
        """
        forgotten = self._all()
        for link in forgotten:
            link.forget_client()
        return lambda: [link.cut() for link in forgotten]

    def stall(self):
        """What is under way over the connections there are arrives late, new ones work. Gives how to let it arrive."""
        stalled = self._all()
        for link in stalled:
            link.flows.clear()
        return lambda: [link.flows.set() for link in stalled]

    def end(self):
        self._ended.set()
        self.up.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _all(self):
        with self._lock:
            return list(self._links)

    def _link(self, client):
        self.up.wait()
        try:
            server = socket.create_connection(self.target)
        except OSError:
            _reset(client)
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(self, client, server)
        with self._lock:
            self._links.add(link)
        if self._ended.is_set():
            link.cut()
        back = threading.Thread(target=link.forward, args=(server, client), daemon=True)
        back.start()
        link.forward(client, server)
        back.join()
        client.close()
        server.close()
        with self._lock:
            self._links.discard(link)

    def passes(self):
        """Wait until what has come in may go on."""
        self.up.wait()
        if self.delay:
            self._ended.wait(self.delay)


class _Link:
    """One connection: its two ends."""

    def __init__(self, network, client, server):
        self._network, self._client, self._server = network, client, server
        self._forgotten = False
        self.flows = threading.Event()
        self.flows.set()

    def forward(self, one, other):
        with suppress(OSError):
            while sent := one.recv(65536):
                self._network.passes()
                self.flows.wait()
                other.sendall(sent)
        if not self._forgotten:
            with suppress(OSError):
                other.shutdown(socket.SHUT_WR)

    def cut(self):
        self.flows.set()
        for end in (self._client, self._server):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RD)  # wakes up who reads there; the last one closes

    def forget_client(self):
        self._forgotten = True
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)


def _reset(end):
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    end.close()


@contextmanager
def network(host, port):
    """A network to `host:port`; `port` is where its near end listens."""
    between = Network((host, port))
    serving = threading.Thread(target=between.serve, daemon=True)
    serving.start()
    try:
        yield between
    finally:
        between.end()
        serving.join()
