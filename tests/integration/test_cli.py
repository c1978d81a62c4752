"""The command line: assembled from what is installed, fast to start, and one sentence when something is wrong."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import jwt
import pytest

from shared import auth
from shared.cli import OWN, daybook

DAYBOOK = Path(sys.executable).parent / "daybook"
SECRET = "a secret of no less than thirty-two bytes"
COMMANDS = {
    "audit", "backup", "command-api", "customer", "demo", "expire", "export", "idempotency", "import", "migrate", "order",
    "pause", "projector", "query-api", "rebuild", "restore", "resume", "retry", "status", "token", "up", "verify",
}  # fmt: skip
NEED_A_DATABASE = [
    "audit",
    "command-api",
    "demo",
    "export",
    "migrate",
    "pause",
    "projector",
    "query-api",
    "rebuild",
    "resume",
    "status",
    "up",
    "verify",
]


def run(*arguments, code=0, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    done = subprocess.run([DAYBOOK, *arguments], env=kept | environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done


def without(*modules, then):
    """Run the command line as where these modules are not installed."""
    code = f"import sys; sys.modules.update(dict.fromkeys({modules!r})); from shared.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *then], capture_output=True, text=True, check=False)


def test_it_is_put_together_from_all_deployables():
    context = click.Context(daybook)
    assert set(daybook.list_commands(context)) == COMMANDS
    for name in COMMANDS:
        assert daybook.get_command(context, name).name == name


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_with_a_value_can_be_a_variable_shown_in_the_help(name):
    command = daybook.get_command(click.Context(daybook), name)
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    for option in (option for each in commands for option in each.params):
        if isinstance(option, click.Option) and option.envvar:
            assert option.show_envvar, option.name
            assert str(option.envvar).startswith("DAYBOOK_")


def test_version_is_that_of_the_distribution():
    assert run("--version").stdout == f"daybook {version('daybook')}\n"


def test_an_unknown_command_is_a_usage_error():
    assert "No such command 'nonsense'" in run("nonsense", code=2).stderr


def test_where_libraries_are_missing_the_help_names_what_to_install_and_the_rest_runs():
    done = without("flask", "gunicorn", "eventsourcing", then=["--help"])
    assert done.returncode == 0
    assert "command-api  " in done.stdout.partition("Not installed")[2]
    assert "daybook[query-api]" in done.stdout
    assert "projector" in done.stdout.partition("Not installed")[0]
    refused = without("flask", "gunicorn", "eventsourcing", then=["query-api"])
    assert refused.returncode == 2
    assert "query-api cannot run here" in refused.stderr
    assert "pip install 'daybook[query-api]'" in refused.stderr


@pytest.mark.parametrize("name", ["projector", "query-api"])
def test_a_deployable_finds_itself_without_loading_the_others(name):
    """Neither memory nor start-up time nor what an image must hold."""
    code = f"""
import click, sys
from shared.cli import daybook
assert daybook.get_command(click.Context(daybook), {name!r})
print(*{{module.partition(".")[0] for module in sys.modules}})
"""
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"eventsourcing", "command_api"}
    assert name == "query-api" or "flask" not in loaded


@pytest.mark.parametrize("name", sorted(set(OWN) - {"token"}))
def test_small_commands_load_no_database_before_they_run(name):
    code = f"""
import click, sys
from shared.cli import daybook
assert daybook.get_command(click.Context(daybook), {name!r})
assert not {{"psycopg", "flask", "eventsourcing"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", NEED_A_DATABASE)
def test_an_unreachable_database_is_one_sentence(name, tmp_path):
    done = run(
        name,
        code=1,
        DAYBOOK_DATABASE_URL="postgresql://127.0.0.1:1/x",
        DAYBOOK_AUTH_SECRET=SECRET,
        DAYBOOK_DATA_DIR=str(tmp_path),
    )
    assert "Error: cannot connect to 127.0.0.1:1/x: " in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3


def test_half_of_the_urls_is_refused(tmp_path):
    done = run("migrate", code=2, DAYBOOK_EVENTS_URL="postgresql://127.0.0.1:1/x")
    assert "DAYBOOK_EVENTS_URL and DAYBOOK_READS_URL belong together" in done.stderr


def test_a_data_directory_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    assert "is a file" in run("migrate", code=2, DAYBOOK_DATA_DIR=str(tmp_path / "file")).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.parametrize("name", ["migrate", "up", "status"])
def test_a_data_directory_of_somebody_else_is_one_sentence(name, tmp_path):
    os.chown(tmp_path, 1, 1)
    done = run(name, code=1, DAYBOOK_DATA_DIR=str(tmp_path), DAYBOOK_COMMAND_PORT="0", DAYBOOK_QUERY_PORT="0")
    assert done.stderr.startswith(f"Error: the data directory {tmp_path} belongs to daemon and you are root")
    assert len(done.stderr.splitlines()) == 1


def test_migrate_says_what_it_did_and_is_harmless_when_repeated(database):
    first = run("migrate", DAYBOOK_DATABASE_URL=database).stdout
    assert "applied 0001_log.sql" in first
    assert run("migrate", DAYBOOK_DATABASE_URL=database).stdout == "up to date\n"


def test_migrate_of_an_own_book(database):
    assert "applied" in run("migrate", "--book", "shop1", DAYBOOK_DATABASE_URL=database).stdout
    assert "DAYBOOK_BOOK='No'" in run("migrate", "--book", "No", code=2, DAYBOOK_DATABASE_URL=database).stderr


def test_audit_of_an_unmigrated_database_says_what_to_run(database):
    assert "run `daybook migrate`" in run("audit", code=1, DAYBOOK_DATABASE_URL=database).stderr


def test_audit_of_an_empty_log_is_clean(migrated):
    result = json.loads(run("audit", "--json", DAYBOOK_DATABASE_URL=migrated.events_url).stdout)
    assert (result["events"], result["findings"]) == (0, [])


def test_audit_exits_with_1_when_something_does_not_fit(migrated):
    import psycopg  # noqa: PLC0415

    with psycopg.connect(migrated.events_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO events.event (position, stream_id, version, type, schema_version, state, recorded_at)"
            " VALUES (1, gen_random_uuid(), 1, 'order.created', 1, '{}', now())"
        )
    done = run("audit", code=1, DAYBOOK_DATABASE_URL=migrated.events_url)
    assert "position 1: " in done.stdout
    assert "findings" in done.stdout


@pytest.mark.parametrize(("ttl", "seconds"), [("90", 90), ("15m", 900), ("12h", 43200), ("30d", 2592000)])
def test_a_token_has_the_scopes_subject_and_life_asked_for(ttl, seconds):
    done = run(
        "token",
        "--scope",
        "orders:read",
        "--scope",
        "orders:write,admin",
        "--ttl",
        ttl,
        "--subject",
        "ann",
        DAYBOOK_AUTH_SECRET=SECRET,
    )
    claims = jwt.decode(done.stdout.strip(), SECRET, ["HS256"])
    assert claims["scope"].split() == ["orders:read", "orders:write", "admin"]
    assert claims["sub"] == "ann"
    assert claims["exp"] - claims["iat"] == seconds


def test_a_token_for_everything():
    claims = jwt.decode(run("token", "--scope", "all", DAYBOOK_AUTH_SECRET=SECRET).stdout.strip(), SECRET, ["HS256"])
    assert claims["scope"].split() == list(auth.SCOPES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scope", "orders:eat"], "unknown scope orders:eat: expected all, orders:write"),
        (["--scope", "all", "--ttl", "soon"], "'soon' is no duration"),
        (["--scope", "all", "--ttl", "0"], "'0' is no duration"),
        ([], "Missing option '--scope'"),
    ],
)
def test_a_token_that_cannot_be_is_refused(arguments, words):
    assert words in run("token", *arguments, code=2, DAYBOOK_AUTH_SECRET=SECRET).stderr


def test_a_token_without_a_secret_is_refused(tmp_path):
    assert "no secret to sign with" in run("token", "--scope", "all", code=2, DAYBOOK_DATA_DIR=str(tmp_path)).stderr


def test_a_token_with_a_short_secret_is_refused():
    assert "needs at least 32" in run("token", "--scope", "all", code=1, DAYBOOK_AUTH_SECRET="short").stderr


def test_every_option_is_also_a_variable_and_says_so():
    def options(command, path):
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                yield from options(command.get_command(context, name), (*path, name))
        else:
            yield from ((path, it) for it in command.params if isinstance(it, click.Option) and it.name != "help")

    found = [(*path, it.opts[-1], it.envvar, it.show_envvar) for path, it in options(daybook, ()) if it.expose_value]
    assert len(found) > 50
    assert [it for it in found if not (str(it[-2]).startswith("DAYBOOK_") and it[-1])] == []
