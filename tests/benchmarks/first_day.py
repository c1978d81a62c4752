"""A new person's first day, timed: `python -m tests.benchmarks.first_day [ACCOUNT]`.

Types what the README says into a shell of its own, as an ordinary ACCOUNT (`nobody`, when run by root), in a fresh clone
with a fresh environment: clone, first order, read it, console, kill the projector, order again, rebuild, stop, start.
Prints each command as it was typed, what it said, and how long it took. Packages come from pip's registry, uncached.
"""

import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from uuid import uuid4

from tests.support.processes import command_line, descendants, line_of, running

ROOT = Path(__file__).parents[2]
(INSTALL,) = re.findall(r"^(python3 -m venv .+?) && (?:\S+/)?daybook up$", (ROOT / "README.md").read_text(), re.MULTILINE)
SECRETS = re.compile(r"eyJ[\w.-]{20,}")
BROWSER = "chromium --headless=new --no-sandbox --disable-gpu --virtual-time-budget=8000 --dump-dom"
PATIENCE = 300


class Day:
    """Somebody's shell in a folder of their own, and a clock."""

    def __init__(self, home, account):
        self.home = home
        self.place = home
        self.began = time.monotonic()
        path = os.defpath if os.geteuid() == 0 else os.environ["PATH"]
        self.environment = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb"}
        passed_on = [name for name in os.environ if name.startswith(("PIP_", "SSL_")) or name.lower().endswith("_proxy")]
        self.environment |= {name: os.environ[name] for name in passed_on} | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        self.fine = True

    def type(self, command, expected="", shown=1):
        """Run it; says how long it took, the command, and its last lines. `expected` must be among what it said."""
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.place, env=self.environment, capture_output=True, text=True,
            timeout=PATIENCE, check=False, **self.who,
        )  # fmt: skip
        said = done.stdout.strip() or done.stderr.strip()
        good = done.returncode == 0 and expected in said
        last = "\n".join(said.splitlines()[-shown:])
        self.say(time.monotonic() - began, command, last if good else f"{done.stdout}\n{done.stderr}".strip(), good)
        return said

    def say(self, seconds, command, said, good=True):  # noqa: FBT002 -- what is printed
        self.fine &= good
        print(f"{seconds:6.1f} s  $ {_short(command)}{'' if good else '   <-- FAILED'}")
        for line in said.splitlines():
            print(f"            {_short(line)}")

    @contextlib.contextmanager
    def up(self):
        """`daybook up` in a second terminal, from typing it to "Daybook is ready", and the lines that it printed."""
        began = time.monotonic()
        with running("bash", "-c", "exec .venv/bin/daybook up", cwd=self.place, env=self.environment, **self.who) as process:
            printed = [line_of(process, "Daybook is ready")]
            while "consistency-token" not in printed[-1]:
                printed.append(line_of(process))
            self.say(time.monotonic() - began, ".venv/bin/daybook up", "\n".join(line for line in printed if "http" in line))
            said = []
            reading = threading.Thread(target=lambda: said.extend(process.stdout), daemon=True)
            reading.start()
            yield process, printed
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.wait(60)
            reading.join(10)
            self.say(time.monotonic() - began, "Ctrl-C", said[-1].decode().strip() if said else "", process.returncode == 0)


def _short(text):
    text = SECRETS.sub("eyJ…", text)
    return text if len(text) <= 150 else f"{text[:105]} … {text[-40:]}"


def the_day(day):
    day.type(f"git clone -q file://{ROOT} daybook")
    day.place = day.home / "daybook"
    day.type(INSTALL)
    with day.up() as (process, printed):
        place, read = (next(line for line in printed if line.startswith("curl") and sign in line) for sign in ("-d '", "grep"))
        link = next(line.split()[-1] for line in printed if "console" in line)
        first = json.loads(day.type(place, '"status":"placed"'))
        print(f"            {time.monotonic() - day.began:.1f} s from nothing to the first order")
        day.type(read, first["order_id"])
        if shutil.which("chromium"):
            day.type(f"{BROWSER} '{link}' 2>&1 | grep -o 'SO-[0-9]*' | sort -u", first["number"])
        else:
            day.type(f"curl -sS -o console.html -w '%{{http_code}}' '{link}'", "200")
        day.type(".venv/bin/daybook demo", shown=3)
        day.type(".venv/bin/daybook status", "live", shown=20)
        projector = next(pid for pid in descendants(process.pid) if "projector" in command_line(pid).split("\0"))
        day.type(f"kill -9 {projector}")
        again = re.sub(r"(Idempotency-Key: )[\w-]+", rf"\g<1>{uuid4()}", place)
        second = json.loads(day.type(again, '"status":"placed"'))
        day.type(read, second["order_id"])
        day.type(".venv/bin/daybook rebuild", "Rebuilt up to", shown=20)
        day.type(".venv/bin/daybook verify")
        day.type(".venv/bin/daybook audit", "clean")
    with day.up():
        day.type(f".venv/bin/daybook order show {second['number']} | head -n 3", second["order_id"], shown=3)
    print(f"{time.monotonic() - day.began:6.1f} s  in all")


def main():
    account = pwd.getpwnam(sys.argv[1] if len(sys.argv) > 1 else "nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    with tempfile.TemporaryDirectory(prefix="first-day-") as folder:
        home = Path(folder)
        if os.geteuid() == 0:
            os.chown(home, account.pw_uid, account.pw_gid)
        subprocess.run(["git", "config", "--file", home / ".gitconfig", "safe.directory", "*"], check=True)
        (home / ".gitconfig").chmod(0o644)
        day = Day(home, account)
        print(f"as {account.pw_name}, with nothing but {shutil.which('python3', path=day.environment['PATH'])} and git")
        the_day(day)
    sys.exit(0 if day.fine else 1)


if __name__ == "__main__":
    main()
