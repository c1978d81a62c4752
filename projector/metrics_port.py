"""The projector's metrics over HTTP: `GET /metrics` at a port of their own, since it has no other."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from threading import Thread

from shared.anticipated import Anticipated
from shared.telling import Telling

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class CannotListen(Anticipated):
    """The port is taken, or the address is not ours."""


@contextmanager
def shown(telling: Telling, host: str, port: int) -> Iterator[str]:
    """Answer there, to anybody, for as long as this lasts; gives the URL. Port 0 takes a free one."""

    class Scrape(BaseHTTPRequestHandler):
        timeout = 10  # seconds that a client may be silent

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics" or telling.registry is None:
                self.send_error(404, "Only /metrics is here")
                return
            body = telling.shown(telling.registry)
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
            """Say nothing: nobody needs a line for each scrape."""

    class Server(ThreadingHTTPServer):
        address_family = AF_INET6 if ":" in host else AF_INET
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: whoever asks hung up."""

    try:
        server = Server((host, port), Scrape)
    except OSError as error:
        reason = f"{error.strerror or error}; choose another one with --metrics-port"
        raise CannotListen(f"cannot show metrics at {host}:{port}: {reason}") from error
    answering = Thread(target=server.serve_forever, name="metrics", daemon=True)
    answering.start()
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        answering.join()
        server.server_close()
