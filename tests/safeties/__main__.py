"""Take out each safety in a copy of the tree and see which test fails: `python -m tests.safeties`.

First every test that is named has to pass in the copy as it is. `--only WORDS` takes those whose name has the words.
Prints a table; ends with 1 if a safety could be taken out and a test of it passed all the same.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from tests.safeties.table import ROOT, SAFETIES, Safety

PARTS = ("command_api", "projector", "query_api", "shared", "tests", "pyproject.toml", "README.md", "CHANGELOG.md")
LONGEST = 180
"""Seconds for a test: one that hangs without its safety has failed."""

OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR) (\S+)", re.MULTILINE)


def outcomes(copy: Path, tests: tuple[str, ...]) -> dict[str, str]:
    """Test → how it ended there."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    arguments = ("-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", f"--timeout={LONGEST}", "--tb=no", *tests)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=clean | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {test: outcome for outcome, test in OUTCOME.findall(done.stdout)}
    missing = {test: "DID NOT END" for test in tests if test not in found}
    return {test: found[test] for test in tests if test in found} | missing


def without(safety: Safety, copy: Path) -> dict[str, str]:
    """How the tests of a safety end in the copy while it is out."""
    file = copy / safety.file
    whole = file.read_text()
    file.write_text(whole.replace(safety.text, safety.instead))
    try:
        return outcomes(copy, safety.tests)
    finally:
        file.write_text(whole)


@click.command(help=__doc__)
@click.option("--only", default="", envvar="DAYBOOK_SAFETIES_ONLY", show_envvar=True)
def main(only: str) -> None:
    os.nice(10)
    chosen = [safety for safety in SAFETIES if only in safety.name]
    with tempfile.TemporaryDirectory(prefix="daybook-safeties-") as directory:
        copy = Path(directory)
        copy.chmod(0o711)
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        named = tuple(dict.fromkeys(test for safety in chosen for test in safety.tests))
        if wrong := [test for test, outcome in outcomes(copy, named).items() if outcome != "PASSED"]:
            raise click.ClickException(f"with all safeties in place these do not pass: {', '.join(wrong)}")
        useless = 0
        click.echo("| taken out | of | what fails then |\n|---|---|---|")
        for safety in chosen:
            for test, outcome in without(safety, copy).items():
                useless += outcome == "PASSED"
                told = "**passes all the same**: " if outcome == "PASSED" else ""
                click.echo(f"| {safety.name} | `{safety.file}` | {told}`{test.removeprefix('tests/')}` |")
    sys.exit(bool(useless))


if __name__ == "__main__":
    main()
