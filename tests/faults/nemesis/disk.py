"""A disk of PostgreSQL's own that can be full: a tmpfs that nobody else sees and that is gone with this process."""

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNS = 0x00020000
SIZE = 4_000_000_000
"""Bytes that it may have; it takes memory only for what is written."""


class Disk:
    """A folder on a file system of its own, if we may mount one; `why_not` says why else."""

    def __init__(self, path: Path, why_not: str | None) -> None:
        self.path = path
        self.why_not = why_not

    @classmethod
    @contextmanager
    def mounted(cls, path: Path):
        """Mount it in a mount namespace of this process, which all that it starts inherit."""
        path.mkdir()
        why_not = _alone() or _mount("-t", "tmpfs", "-o", f"size={SIZE},mode=0711", "daybook-nemesis", str(path))
        path.chmod(0o711)
        try:
            yield cls(path, why_not)
        finally:
            if why_not is None:
                subprocess.run(["umount", "--lazy", path], check=False)

    @property
    def used(self) -> int:
        return shutil.disk_usage(self.path).used

    def fill(self, left: int) -> None:
        """Leave only so many bytes."""
        while self._resize(self.used + left):
            pass  # more was used meanwhile than we saw

    def empty(self) -> None:
        """Make room again."""
        if why_not := self._resize(SIZE):
            raise RuntimeError(f"the disk stays full: {why_not}")

    def _resize(self, size: int) -> str | None:
        return _mount("-o", f"remount,size={size}", str(self.path))


def _alone() -> str | None:
    """Leave the mounts that everybody sees; why that cannot be, or None."""
    if os.geteuid() != 0:
        return "only root may mount"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        return f"no mount namespace of our own: {os.strerror(ctypes.get_errno())}"
    return _mount("--make-rprivate", "/")


def _mount(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    except OSError as error:
        return str(error)
    return done.stderr.strip() or "mount failed" if done.returncode else None
