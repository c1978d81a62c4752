"""The command `daybook`, put together from what is installed.

Each deployable registers a click group under the entry points `daybook.commands`; one whose libraries are missing
is named in the help and otherwise left out. Everything heavy is imported by the command that needs it.
"""

import errno
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from shared.anticipated import Anticipated

GROUP = "daybook.commands"
OWN = {
    "audit": "shared.audit_command:audit",
    "backup": "shared.backup_commands:backup",
    "customer": "shared.order_commands:customer",
    "export": "shared.log_commands:export",
    "idempotency": "shared.log_commands:idempotency",
    "migrate": "shared.operating:migrate",
    "order": "shared.order_commands:order",
    "restore": "shared.backup_commands:restore",
    "token": "shared.operating:token",
    "up": "shared.up:up",
}
"""Our own commands and where they are, imported when asked for."""


class Assembled(click.Group):
    """A group of commands found in many places, each loaded when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's
        """All that can run here."""
        found = set(OWN)
        for entry in _entries():
            found.update(_commands(entry))
        return sorted(found)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's
        """The command, or an error that says what to install for it."""
        if cmd_name in OWN:
            module, _, name = OWN[cmd_name].partition(":")
            command = getattr(import_module(module), name)
            assert isinstance(command, click.Command)  # noqa: S101
            return command
        # The deployable of the same name first: a query API need not load the others to find itself.
        for entry in sorted(_entries(), key=lambda entry: _extra(entry) != cmd_name):
            if cmd_name in (commands := _commands(entry)):
                return commands[cmd_name]
            if _extra(entry) == cmd_name:
                raise click.UsageError(f"{cmd_name} cannot run here: {_missing(entry)}")
        return None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's
        """Below the commands: those that cannot run here."""
        lines = [(_extra(entry), missing) for entry in _entries() if (missing := _missing(entry))]
        if lines:
            with formatter.section("Not installed"):
                formatter.write_dl(lines)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's
        """Run the command; what is anticipated ends in one sentence."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = _sentence(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error


@click.command(cls=Assembled, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="daybook", message="daybook %(version)s")
def daybook() -> None:
    """Daybook, an event-sourced order service.

    `daybook up` runs all of it on this machine. Every option can also be set by the variable in its brackets.
    Without a database URL the embedded PostgreSQL of the data directory serves.
    """


def main() -> None:
    """Run the command line."""
    daybook(prog_name="daybook")


@cache
def _entries() -> tuple[EntryPoint, ...]:
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


@cache
def _load(entry: EntryPoint) -> Mapping[str, click.Command] | str:
    """The commands of a deployable, or the name of the module that is missing for them."""
    try:
        group = entry.load()
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module in {"shared", entry.module.partition(".")[0]}:
            raise  # one of ours: a mistake, not a missing extra
        return module
    assert isinstance(group, click.Group)  # noqa: S101
    return group.commands


def _commands(entry: EntryPoint) -> Mapping[str, click.Command]:
    loaded = _load(entry)
    return {} if isinstance(loaded, str) else loaded


def _missing(entry: EntryPoint) -> str:
    loaded = _load(entry)
    return f"{loaded} is missing; pip install 'daybook[{_extra(entry)}]'" if isinstance(loaded, str) else ""


def _extra(entry: EntryPoint) -> str:
    """The extra that a deployable needs, which is also the name of its main command."""
    return entry.name.replace("_", "-")


def _sentence(error: Exception) -> str | None:
    """What to tell the operator of an error that is not ours; None if it is."""
    if isinstance(error, Anticipated):
        return str(error)
    if isinstance(error, OSError) and error.errno != errno.EPIPE:
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":  # as Python reads them
        return "an argument or a variable is not UTF-8 (it is not shown, for it may be a secret)"
    psycopg = sys.modules.get("psycopg")  # what has not been imported has not failed
    if psycopg is not None and isinstance(error, psycopg.OperationalError | psycopg.errors.InsufficientPrivilege):
        words = (error.diag.message_primary or str(error)).strip().splitlines() or ["the connection is lost"]
        return f"the database cannot go on: {words[0]}"
    return None


if __name__ == "__main__":
    main()
