"""A PostgreSQL server that is killed, copied and brought back with PostgreSQL's own programs, as its operator would."""

import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from shared.database import connect
from shared.embedded_postgres.postmaster import described
from shared.embedded_postgres.programs import programs_for
from shared.embedded_postgres.server import Server
from tests.support.guide import Shell
from tests.support.parts import free_port
from tests.support.processes import descendants, wait_until_gone

SHIM = '#!/bin/sh\nexec {as_account} {folder}/{program} "$@"\n'


class Cluster:
    """A server of its own in `directory / "shop"`; `url` is its administrator's over loopback.

    `commands` goes in front of the PATH: its `pg_…` programs run as an account that PostgreSQL takes. `account` is a
    folder that this account may write to.
    """

    def __init__(self, directory: Path, **settings: str) -> None:
        directory.chmod(0o711)
        home = directory / "shop"
        home.mkdir(mode=0o711)
        programs = programs_for(home)
        if programs.identity == "namespace":
            pytest.skip("pg_ctl needs an account that reaches the test's folder")
        self.commands = directory / "commands"
        self.commands.mkdir()
        who = f"setpriv --reuid={programs.uid} --regid={programs.gid} --clear-groups --"
        for program in ("pg_basebackup", "pg_ctl"):
            shim = self.commands / program
            as_account = who if programs.identity == "account" else ""
            shim.write_text(SHIM.format(as_account=as_account, folder=programs.folder, program=program))
            shim.chmod(0o755)
        self.account = directory / "account"
        self.account.mkdir()
        os.chown(self.account, programs.uid, programs.gid)
        self._data = home / "postgres" / "data"
        self.port = free_port()  # copies of it listen there, too, when it does not
        self._server = Server(home, self.port, **settings)

    @contextmanager
    def running(self):
        """It runs, until it is stopped or killed."""
        self._server.start()
        self.url = self._server.place.tcp_url
        with connect(self.url) as admin:  # for copies of it, which are started without our options
            for setting in (f"port = {self.port}", "max_connections = 200", f"unix_socket_directories = '{self.account}'"):
                admin.execute(f"ALTER SYSTEM SET {setting}".encode())
        try:
            yield self
        finally:
            self._server.stop()

    def stop(self) -> None:
        """In order, and what is to be archived with it."""
        self._server.stop()

    def kill(self) -> None:
        """kill -9 of all of it: what a machine does that loses its power."""
        postmaster = described(self._data)
        pids = [postmaster.pid, *descendants(postmaster.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):  # it has ended because the first one had
                os.kill(pid, signal.SIGKILL)
        for pid in pids:
            wait_until_gone(pid)


@contextmanager
def copy(typing: Shell, name: str):
    """Whatever `pg_ctl` starts on the folder `name` meanwhile is stopped at the end."""
    try:
        yield
    finally:
        typing.run(f"pg_ctl stop -D {name} -m immediate")
