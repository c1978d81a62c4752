"""Where gunicorn is more patient with the framing of requests than we are.

What a proxy in front of us may read in another way is refused (RFC 9112 allows it): a line feed alone as the end of a
line, in the head or in the size of a chunk. So is a size of a chunk, or a trailer, without end. And gunicorn goes on
with a connection after an app has answered that a body cannot be read; what is left of the body is then a request.
"""

import io
from typing import Any

from gunicorn.http import message
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkExtension, InvalidHeader, ParseException
from gunicorn.http.parser import RequestParser

_LONGEST_LINES = 16 * 1024
"""Bytes of a chunk's size with its extensions, or of all trailers."""


def be_strict() -> None:
    """Read requests so from now on, in this process; gunicorn has no setting for it."""
    RequestParser.mesg_class = _Request
    message.ChunkedReader = _Chunks


class _Request(message.Request):  # type: ignore[misc]  # gunicorn has no types
    def _peer_is_trusted_proxy(self) -> bool:
        """Whom nobody trusts need not be looked at, as gunicorn does with every request."""
        return bool(self.cfg.forwarded_allow_ips) and super()._peer_is_trusted_proxy()

    def _parse_fast(self, unreader: Any, buf: bytearray) -> bytes:  # noqa: ANN401 -- gunicorn has no types
        rest: bytes = super()._parse_fast(unreader, buf)
        end = len(buf) - len(rest)
        if buf.count(b"\n", 0, end) != buf.count(b"\r\n", 0, end):
            raise InvalidHeader("a line feed without a carriage return")
        return rest


class _Chunks(ChunkedReader):  # type: ignore[misc]  # gunicorn has no types
    def read(self, size: int) -> bytes:
        """Read on. After chunks that cannot be read nobody knows where the next request begins: there is none."""
        try:
            body: bytes = super().read(size)
        except (OSError, ParseException) as error:
            self.req.force_close()
            raise OSError(f"chunks that cannot be read: {error}") from error
        return body

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> Any:  # noqa: ANN401 -- gunicorn has no types
        line = io.BytesIO()
        line.write(data or b"")
        while b"\r\n" not in line.getvalue():
            self.get_data(unreader, line)
        if b"\n" in line.getvalue().partition(b"\r\n")[0]:
            raise InvalidChunkExtension("a line feed without a carriage return")
        return super().parse_chunk_size(unreader, line.getvalue())

    def get_data(self, unreader: Any, buf: io.BytesIO) -> None:  # noqa: ANN401 -- gunicorn has no types
        super().get_data(unreader, buf)
        if buf.tell() > _LONGEST_LINES:
            raise InvalidChunkExtension("too long")
