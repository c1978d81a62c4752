"""Processes under test: started as a chosen account, read with a deadline, waited for by the kernel's own signal."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

DEADLINE = 90.0


@contextlib.contextmanager
def running(*arguments, **settings):
    """A process whose output is read line by line; killed at the end if it still runs."""
    with subprocess.Popen(
        [str(argument) for argument in arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **settings,
    ) as process:
        process.unread = b""
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()


def python(code, *arguments, **settings):
    """`running` a Python text with our interpreter."""
    return running(sys.executable, "-c", code, *arguments, **settings)


def line_of(process, wanted="", deadline=DEADLINE):
    """The next line of its output that contains `wanted`; fails with all that was said when it ends without one."""
    said = []
    end = time.monotonic() + deadline
    while True:
        line, complete, rest = process.unread.partition(b"\n")
        if complete:
            process.unread = rest
            said.append(line.decode(errors="replace"))
            if wanted in said[-1]:
                return said[-1]
        elif not _read(process, end):
            raise AssertionError("no line with {!r} in:\n{}".format(wanted, "\n".join(said)))


def rest_of(process, deadline=DEADLINE):
    """All that it says from here to its end."""
    end = time.monotonic() + deadline
    while _read(process, end):
        pass
    return process.unread.decode(errors="replace")


def _read(process, end):
    """Read what there is, waiting for it until the deadline; False if nothing more comes."""
    readable, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
    read = os.read(process.stdout.fileno(), 65536) if readable else b""
    process.unread += read
    return bool(read)


def wait_until_gone(pid, deadline=DEADLINE):
    """Return when the process has ended; fail at the deadline."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        readable, _, _ = select.select([descriptor], [], [], deadline)
    finally:
        os.close(descriptor)
    assert readable, f"process {pid} still runs after {deadline} s"


def kill_all(process):
    """kill -9 of one that leads a session of its own, and of all it has started there; returns when they are gone."""
    pids = [process.pid, *descendants(process.pid)]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(DEADLINE)
    for pid in pids:
        wait_until_gone(pid)


def children(pid):
    """The living processes that `pid` has started itself."""
    return [child for child, parent in _parents().items() if parent == pid]


def descendants(pid):
    """All living processes below `pid`."""
    parents = _parents()
    found, frontier = [], [pid]
    while frontier:
        frontier = [child for child, parent in parents.items() if parent in frontier]
        found += frontier
    return found


def _parents():
    """Each living process → the one that it belongs to."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent, *_ = (process / "stat").read_text().rpartition(")")[2].split()
            if state != "Z":
                parents[int(process.name)] = int(parent)
    return parents


def command_line(pid):
    """The command line of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def mentioning(text):
    """The command lines of all living processes that contain `text`."""
    lines = [command_line(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [line for line in lines if text in line]
