"""Which server runs on a folder of data: what `postmaster.pid` says, and whether it is true."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.01  # seconds between two looks


@dataclass(frozen=True)
class Postmaster:
    """A server as it describes itself. `socket_dir` is None if it has no socket."""

    pid: int
    port: int
    socket_dir: Path | None
    ready: bool


def described(data: Path) -> Postmaster | None:
    """What `postmaster.pid` says, true or stale; None until it says everything."""
    try:
        pid, _data, _started, port, socket_dir, _address, _memory, status = (
            (data / "postmaster.pid").read_text().split("\n")[:8]
        )
        return Postmaster(int(pid), int(port), Path(socket_dir) if socket_dir else None, status.strip() == "ready")
    except (FileNotFoundError, ValueError):
        return None


def end_leftover(data: Path, deadline: float) -> bool:
    """End a server whose owner is gone and remove a pid file that names somebody else; False if it would not end.

    PostgreSQL believes a stale file if any process of its account has that number, which in a container is likely.
    """
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return True
    if not _serves(pid, data):
        file.unlink(missing_ok=True)
        return True
    os.kill(pid, signal.SIGINT)
    end = time.monotonic() + deadline
    while _serves(pid, data):
        if time.monotonic() > end:
            return False
        time.sleep(INTERVAL)
    return True


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL on this folder: its working directory is the folder."""
    process = Path("/proc", str(pid))
    if not Path("/proc/self").exists():  # macOS
        shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
        return "postgres" in shown.stdout and str(data) in shown.stdout
    try:
        program, folder = (process / "exe").readlink(), (process / "cwd").readlink()
    except OSError:  # gone, or another account's, which PostgreSQL itself ignores
        return False
    return program.name.startswith("postgres") and folder == data.resolve()
