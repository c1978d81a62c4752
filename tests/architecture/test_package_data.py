"""What is no module is in a wheel all the same: SQL, templates, styles, scripts, pictures, licences."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATTERNS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
PACKAGES = ("command_api", "projector", "query_api", "shared")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_is_packed(package):
    files = [path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}]
    left_out = [path for path in files if not any(fnmatch(path.name, pattern) for pattern in PATTERNS)]
    assert left_out == []


def test_what_others_made_has_its_licence_beside_it():
    static = ROOT / "query_api" / "console" / "static"
    for library in ("htmx", "uPlot"):
        assert list(static.glob(f"{library}*.js"))
        assert "permi" in (static / f"{library}.LICENSE.txt").read_text().lower()
