"""The README's list of commands is true: each command and each option is there, and none is left out."""

import re

import click
import pytest

from shared.cli import daybook
from tests.support.guide import README

(SECTION,) = re.findall(r"^## Commands\n(.*?)^## ", README.read_text(), re.MULTILINE | re.DOTALL)
(LISTED,) = re.findall(r"^```\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
COMMANDS = daybook.list_commands(click.Context(daybook))
UNLISTED = {"up", "demo"}
"""Those of the quickstart."""


def entries():
    """Command → what is said of it, options on the lines below included."""
    found = []
    for line in LISTED.splitlines():
        if line.startswith("daybook "):
            found.append(line)
        else:
            found[-1] += f" {line.strip()}"
    return found


def commands_of(entry):
    """The commands that it is about: the first word, alternatives to it, and what it names between backticks."""
    first, *others = re.findall(r"[\w-]+", re.split(r" {2,}", entry.removeprefix("daybook "))[0])
    named = [words.split()[0] for words in re.findall(r"`([^`]+)`", entry)]
    return [first, *(word for word in [*others, *named] if word in COMMANDS)]


def params_of(command):
    """All its options, and those of its subcommands."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    return own.union(*(params_of(one) for one in below))


@pytest.mark.parametrize("entry", entries())
def test_what_is_listed_is_there(entry):
    context = click.Context(daybook)
    options = set()
    for name in commands_of(entry):
        command = daybook.get_command(context, name)
        assert command is not None, name
        options |= params_of(command)
    assert set(re.findall(r"--[a-z][a-z-]+", entry)) <= options


def test_what_is_there_is_listed():
    listed = {name for entry in entries() for name in commands_of(entry)}
    assert set(COMMANDS) - UNLISTED == listed
