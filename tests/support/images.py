"""The images of compose.yaml without Docker: the same files, one wheel of them, and for each extra just what it asks for.

What an extra asks for is linked from the environment that runs the tests, where the same constraints chose it.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.processes import DEADLINE

ROOT = Path(__file__).parents[2]
UNWANTED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache")


@dataclass(frozen=True)
class Image:
    """What a container would have: `folder / "bin"` on its PATH, `work` where it starts, and whom it runs as."""

    folder: Path
    work: Path
    uid: int | None

    def start(self, command: list[str], environment: dict[str, str], **settings) -> subprocess.Popen:
        """A process of the container, with its environment and no other."""
        own = {"PATH": f"{self.folder / 'bin'}:{os.defpath}", "LC_ALL": "C.UTF-8"}
        whom = {} if self.uid is None else {"user": self.uid, "group": self.uid, "extra_groups": []}
        program = shutil.which(command[0], path=own["PATH"])
        return subprocess.Popen([program, *command[1:]], env=own | environment, cwd=self.work, **whom, **settings)

    def run(self, command: list[str], environment: dict[str, str]) -> tuple[int, str]:
        """Exit code and all that it said."""
        process = self.start(command, environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = process.communicate(timeout=DEADLINE)
        return process.returncode, said

    def has(self, module: str) -> bool:
        """Whether it can be imported there."""
        return self.run(["python", "-c", f"import {module}"], {})[0] == 0


def wheel(dockerfile: str, directory: Path) -> tuple[Path, Path]:
    """The files that are copied into an image, and the wheel that its `pip install` makes of them."""
    work = directory / "work"
    work.mkdir()
    for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, work / target, ignore=UNWANTED)
            else:
                shutil.copy(ROOT / source, work / target)
    pip = [sys.executable, "-m", "pip", "--retries=10", "--timeout=60", "wheel"]
    made = subprocess.run([*pip, "-q", "--no-deps", "--wheel-dir", directory, work], capture_output=True, text=True, check=False)
    assert made.returncode == 0, f"no wheel: {made.stdout}{made.stderr}"
    (built,) = directory.glob("*.whl")
    return work, built


def image(extra: str, work: Path, built: Path, directory: Path, uid: int | None) -> Image:
    """An environment with the wheel and what its `extra` asks for."""
    folder = directory / extra
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(site)
    (installed,) = importlib.metadata.distributions(name="daybook", path=[str(site)])
    for distribution in _asked_for(installed, {extra}, {}).values():
        _link(distribution, site)
    (script,) = installed.entry_points.select(group="console_scripts", name="daybook")
    program = folder / "bin" / "daybook"
    program.write_text(f"#!{folder}/bin/python\nfrom {script.module} import {script.attr}\n\n{script.attr}()\n")
    program.chmod(0o755)
    made = Image(folder, work, uid)
    return made if _runs(made) else Image(folder, work, None)  # where others may not enter our Python's folder


def _runs(made: Image) -> bool:
    try:
        return made.run(["daybook", "--version"], {})[0] == 0
    except PermissionError:
        return False


def _asked_for(distribution, extras: set[str], found: dict[str, PathDistribution]) -> dict[str, PathDistribution]:
    for text in distribution.requires or ():
        wanted = Requirement(text)
        applies = wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras or {""})
        key = f"{wanted.name.lower()}[{','.join(sorted(wanted.extras))}]"
        if not applies or key in found:
            continue
        found[key] = importlib.metadata.distribution(wanted.name)
        _asked_for(found[key], set(wanted.extras), found)
    return found


def _link(distribution, site: Path) -> None:
    for top in sorted({Path(str(file)).parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}):
        if not (site / top).exists():
            (site / top).symlink_to(distribution.locate_file(top))
