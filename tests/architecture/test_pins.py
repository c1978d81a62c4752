"""`constraints.txt` pins everything that is installed for us, so that what was tested and audited is what runs."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PINS = dict(
    re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+)", line).groups()
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
)


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for():
    """What our own project file asks for, with all extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    return [text for text in (*project["dependencies"], *extras) if not text.startswith("daybook[")]


def installed(texts, extra="", known=None):
    """What these requirements bring in: (name, extra) → version, None for what is not installed here."""
    known = {} if known is None else known
    for requirement in map(Requirement, texts):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = normal(requirement.name)
        for of in ("", *requirement.extras):
            if (name, of) in known:
                continue
            try:
                found = distribution(name)
            except PackageNotFoundError:
                known[name, of] = None
                continue
            known[name, of] = found.version
            installed(found.requires or (), of, known)
    return known


def test_everything_that_any_extra_installs_is_pinned_to_the_version_that_is_here():
    pins = {normal(name): version for name, version in PINS.items()}
    there = {name: version for (name, _), version in installed(asked_for()).items()}
    assert len(there) > 50
    assert {name for name in there if name not in pins} == set(), "add these to constraints.txt"
    assert {name: version for name, version in there.items() if version not in (None, pins[name])} == {}


def test_a_pin_is_exact():
    assert all(re.fullmatch(r"[0-9][0-9A-Za-z.+!]*", version) for version in PINS.values())
    assert len({normal(name) for name in PINS}) == len(PINS)
