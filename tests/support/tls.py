"""TLS in front of the embedded PostgreSQL, which has none: certificates of our own, and a server end that asks for both.

A connection that has lost the options of its URL on the way shows no certificate, and is not let through.
"""

import asyncio
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104


class Authority:
    """Signs certificates, which it puts into a folder as `<name>.crt` and `<name>.key`; its own is `<authority>.crt`."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = folder / f"{name}.crt"
        authority = x509.BasicConstraints(ca=True, path_length=0)
        self.certificate.write_bytes(self._signed(self._name, self._key.public_key(), authority))

    def sign(self, name, host="127.0.0.1"):
        """A certificate for `host`; gives its files."""
        key = ec.generate_private_key(ec.SECP256R1())
        common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
        certificate, private = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(self._signed(common, key.public_key(), alternative))
        private.touch(0o600)
        plain = serialization.NoEncryption()
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return certificate, private

    def _signed(self, name, key, extension):
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        signed = builder.add_extension(extension, critical=True).sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


class Gate:
    """Speaks TLS with clients that have a certificate; `names` are what let-in connections call their application."""

    def __init__(self, upstream, authority, certificate, key):
        self.names = set()
        self.without_tls = 0
        self._upstream = upstream
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._context.load_verify_locations(authority.certificate)
        self._context.verify_mode = ssl.CERT_REQUIRED

    async def serve(self, reader, writer):
        with suppress(OSError, EOFError, asyncio.IncompleteReadError, ssl.SSLError):
            try:
                await self._served(reader, writer)
            finally:
                writer.close()

    async def _served(self, reader, writer):
        while (wanted := struct.unpack("!ii", await reader.readexactly(8))[1]) == GSS_REQUEST:
            writer.write(b"N")
        if wanted != SSL_REQUEST:
            self.without_tls += 1
            return
        writer.write(b"S")
        await writer.start_tls(self._context)
        (length,) = struct.unpack("!i", head := await reader.readexactly(4))
        start = await reader.readexactly(length - 4)
        words = start[4:].split(b"\0")
        said = dict(zip(words[::2], words[1::2], strict=False))
        self.names.add(said.get(b"application_name", b"").decode())
        upstream, up = await asyncio.open_connection(*self._upstream)
        up.write(head + start)
        try:
            await asyncio.gather(_pumped(reader, up), _pumped(upstream, writer))
        finally:
            up.close()


async def _pumped(reader, writer):
    with suppress(OSError, ssl.SSLError):
        while sent := await reader.read(65536):
            writer.write(sent)
            await writer.drain()
    writer.close()


@contextmanager
def gate(upstream, authority, certificate, key):
    """A gate to the server at `upstream` (host, port), with the `port` that it listens at."""
    loop = asyncio.new_event_loop()
    made = Gate(upstream, authority, certificate, key)
    serving = threading.Thread(target=loop.run_forever)  # this thread may have a loop already: a browser's
    serving.start()
    starting = asyncio.start_server(made.serve, "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(60)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        serving.join()
        loop.close()


async def _ended(server):
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
