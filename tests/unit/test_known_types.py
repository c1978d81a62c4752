"""The first requests of a process may come at once: each struct that they are read as is found out by one thread."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AT_ONCE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from command_api.parsing import Request, parse
from msgspec import defstruct

sys.setswitchinterval(1e-6)
together = Barrier(4)

def read(type_):
    together.wait()
    return parse(b'{"parts":[{"parts":null}]}', type_, "2026-11-23T00:00:00.000000Z")

with ThreadPoolExecutor(4) as pool:
    for number in range(200):
        inner = defstruct("Inner", [(f"field_{n}", str | None, None) for n in range(8)] + [("parts", int | None)], bases=(Request,), frozen=True, kw_only=True)
        outer = defstruct("Outer", [(f"field_{n}", str | None, None) for n in range(8)] + [("parts", tuple[inner, ...])], bases=(Request,), frozen=True, kw_only=True)
        for one in pool.map(read, [outer] * 4):
            assert one.parts[0].parts is None
print("all read")
"""


def test_what_several_threads_read_for_the_first_time_does_not_end_the_process():
    done = subprocess.run([sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "all read\n"), done.stderr


READS = re.compile(r"\bmsgspec\.convert\(|\bmsgspec\.\w+\.decode\([^)\n]*type=(?!dict\b)")
MADE_KNOWN = {"command_api/parsing.py", "command_api/collecting.py", "query_api/work_routes.py", "shared/recorded_event.py"}
"""Here structs are read without a decoder of their own, and have been made known before."""


@pytest.mark.parametrize("package", ["command_api", "projector", "query_api", "shared"])
def test_structs_are_read_by_decoders_made_at_import_or_made_known_first(package):
    sources = [(path.relative_to(ROOT).as_posix(), path.read_text()) for path in (ROOT / package).rglob("*.py")]
    reading = {name for name, source in sources if READS.search(source)}
    assert reading == {name for name in MADE_KNOWN if name.startswith(package)}
    within = {name for name, source in sources if re.search(r"^ +.*msgspec\.json\.Decoder\(", source, re.MULTILINE)}
    assert within <= {"shared/known_types.py"}
