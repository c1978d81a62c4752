"""A network between a client and a server of this machine that can go dead without closing anything."""

import selectors
import socket
import threading
from contextlib import contextmanager


class Network:
    """Forwards connections to `target` while it is `up`; down, it neither forwards, nor refuses, nor closes."""

    def __init__(self, target):
        self.target = target
        self.up = threading.Event()
        self.up.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends = []
        self._ended = False

    def serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            self._ends += [client, server]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, one, other):
        with selectors.DefaultSelector() as selector:
            selector.register(one, selectors.EVENT_READ)
            try:
                while not self._ended:
                    if selector.select(0.1):
                        self.up.wait()
                        sent = one.recv(65536)
                        if not sent:
                            other.shutdown(socket.SHUT_WR)
                            return
                        other.sendall(sent)
            except (OSError, ValueError):
                return

    def end(self):
        self._ended = True
        self.up.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for end in (self._listener, *self._ends):
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
