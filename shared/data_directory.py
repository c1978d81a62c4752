"""A data directory: it belongs to whoever runs daybook, has one owner process at a time, and keeps secrets."""

import errno
import fcntl
import os
import pwd
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.anticipated import Anticipated


class DataDirectoryError(Anticipated):
    """The directory cannot serve."""


class DataDirectoryNotOurs(DataDirectoryError):
    """It belongs to another account."""


class DataDirectoryInUse(DataDirectoryError):
    """Another process owns it now."""


class DiskFull(DataDirectoryError):
    """There is no room left below it."""


class DataDirectory:
    """The directory at `path`, made if need be."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None
        with self.errors():
            # Root's may be entered by others, since PostgreSQL runs as somebody else in there.
            path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            owner = path.stat().st_uid
        if owner != os.geteuid():
            raise DataDirectoryNotOurs(
                f"the data directory {self.path} belongs to {_name(owner)} and you are {_name(os.geteuid())}: "
                f"run as {_name(owner)} or choose another --data-dir"
            )

    def own(self) -> None:
        """Become the one owner, until `disown` or our end. Raises `DataDirectoryInUse`, naming the owner."""
        with self.errors():
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(descriptor, 20).decode() or "unknown"
            os.close(descriptor)
            raise DataDirectoryInUse(f"the data directory {self.path} is in use by process {owner}") from error
        self._lock = descriptor
        with self.errors():
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())

    def disown(self) -> None:
        """Give up ownership, if it is ours."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def secret(self, name: str) -> str:
        """The random text in the file `name` (0600), made at the first call and the same ever after."""
        file = self.path / name
        with self.errors():
            with suppress(FileNotFoundError):
                return file.read_text()
            unfinished = file.with_name(f"{name}.{os.getpid()}")
            write_private(unfinished, secrets.token_urlsafe(32))
            with suppress(FileExistsError):
                os.link(unfinished, file)  # unlike a rename, it leaves the secret of a faster process alone
            unfinished.unlink()
            sync_folder(self.path)
            return file.read_text()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the system refuses below this directory, in our words."""
        try:
            yield
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFull(
                    f"the disk is full: no room below the data directory {self.path}; "
                    "make room or choose another --data-dir"
                ) from error
            raise DataDirectoryError(
                f"the data directory {self.path} cannot be used: {error.strerror} ({error.filename}); "
                "change that or choose another --data-dir"
            ) from error


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, at no moment otherwise."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make what was renamed or made in there last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
