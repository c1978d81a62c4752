"""The operating guide of the README, symptom by symptom: provoked, then followed line by line as it is printed."""

import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from projector.run_once import run_once
from shared import auth
from shared.backup import backup
from shared.book import Book
from shared.database import connect
from shared.migrate import MIGRATIONS
from tests.benchmarks.seed_log import seed
from tests.faults.test_quarantine_faults import broken_projector
from tests.support import databases, guide, poisoning
from tests.support import parts as house
from tests.support.command_api import SECRET
from tests.support.posting import ask, leader_looks, projector
from tests.support.processes import line_of
from tests.support.release_dump import PROGRAMS

RELEASES = sorted((Path(__file__).parents[1] / "fixtures" / "releases").glob("*.sql"))


def test_every_entry_is_followed():
    here = Path(__file__).parent
    followed = {
        title
        for file in here.glob("test_operating_guide*.py")
        for title in re.findall(r'guide\.entry\("(.+?)"\)', file.read_text())
    }
    assert followed == set(guide.entries())


@pytest.fixture
def typing(migrated, tmp_path):
    """A shell on the machine of a shop that has posted some orders; no projector runs."""
    seed(migrated.events_url, 20)
    run_once(migrated)
    with guide.shell(tmp_path, DAYBOOK_DATABASE_URL=migrated.events_url) as opened:
        yield opened


@pytest.fixture
def parts():
    """Whatever a reader starts, until the end of the test."""
    with ExitStack() as stack:
        yield stack


def test_lag(migrated, typing, parts, tmp_path):
    seed(migrated.events_url, 5, seed_number=2)
    with guide.entry("Lag") as follow:
        follow(typing, start_a_projector=lambda: parts.enter_context(projector(migrated, tmp_path)))
        typing.run("daybook pause --by ops")
        leader_looks(migrated)
        seed(migrated.events_url, 5, seed_number=3)
        follow(typing)
        with connect(migrated.reads_url, application_name="psql") as careless:
            careless.execute("BEGIN")
            careless.execute("LOCK TABLE reads.order_list")
            seed(migrated.events_url, 5, seed_number=4)
            follow(typing)
            with pytest.raises(psycopg.OperationalError):
                careless.execute("COMMIT")


def test_quarantine(migrated, typing, parts, tmp_path):
    broken = parts.enter_context(broken_projector(migrated))
    order = poisoning.lives(migrated, "rows")
    line_of(broken, f"daybook retry {order}")
    typing.export(ORDER=order)

    def deploy():
        broken.kill()
        broken.wait()
        parts.enter_context(projector(migrated, tmp_path))

    with guide.entry("Quarantine") as follow:
        follow(typing, deploy_the_mended_code=deploy)


def test_rebuild(migrated, typing):
    with connect(migrated.reads_url) as somebody:
        somebody.execute("UPDATE reads.order_list SET grand_total_amount = 1 WHERE number LIKE '%7'")
    with guide.entry("Rebuild") as follow:
        follow(typing)
    assert ask(migrated, "SELECT count(*) FROM reads.order_list WHERE grand_total_amount = 1") == 0


def test_deploying_a_new_projection(migrated, typing, parts, tmp_path):
    """The new version is `tests.support.other_projection`."""
    new = tmp_path / "daybook"
    new.write_text(f'#!/bin/sh\ncd {Path.cwd()}\nexec {sys.executable} -m tests.support.other_projection "$@"\n')
    new.chmod(0o755)
    typing.run(f"PATH={tmp_path}:$PATH")
    restart = "restart_projectors_and_query_apis_with_the_new_image"
    with guide.entry("Deploying a new projection") as follow:
        follow(typing, **{restart: lambda: parts.enter_context(projector(migrated, tmp_path))})
    assert ask(migrated, "SELECT count(*) FROM reads.order_list WHERE customer_name = 'Somebody'") == 1


def daybooks(variables):
    """What a part has of the shell's environment."""
    return {name: value for name, value in variables.items() if name.startswith("DAYBOOK_")}


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_key_rotation(typing, tmp_path):
    serving = ExitStack()
    typing.export(DAYBOOK_AUTH_SECRET=SECRET, OLD=auth.mint(SECRET, "reader", ("orders:read",), 3600))

    def restart():
        serving.close()
        environment = daybooks(typing.variables())
        serving.enter_context(house.command_api(tmp_path, environment))
        typing.export(QUERY_URL=serving.enter_context(house.query_api(tmp_path, environment)).url)

    with serving, guide.entry("Key rotation") as follow:
        restart()
        follow(typing, restart_both_apis=restart, restart_both_apis_again=restart)


def test_upgrade(database, parts, tmp_path):
    """From the oldest release whose database we have."""
    with connect(database) as connection:
        connection.execute(Book().sql((MIGRATIONS / "roles.sql").read_text()).encode())
    psql = [PROGRAMS / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    subprocess.run([*psql, f"--file={RELEASES[0]}", database], check=True, capture_output=True)
    environment = {"DAYBOOK_DATABASE_URL": database}
    typing = parts.enter_context(guide.shell(tmp_path, **environment))
    restart = "restart_command_api_projectors_query_api_with_the_new_version"
    does = {
        "back_up_with_the_old_version": lambda: None,
        restart: lambda: parts.enter_context(house.projector(tmp_path, environment)),
    }
    with guide.entry("Upgrade") as follow:
        follow(typing, **does)


def test_restore(migrated, parts, tmp_path):
    """A database lost, and another one in its place."""
    seed(migrated.events_url, 20)
    run_once(migrated)
    backup(migrated.events_url, migrated.book, tmp_path / "log.dump")
    environment = {"DAYBOOK_DATABASE_URL": parts.enter_context(databases.fresh(migrated.events_url))}
    typing = parts.enter_context(guide.shell(tmp_path, **environment))
    with guide.entry("Restore") as follow:
        follow(typing, start_everything=lambda: parts.enter_context(house.projector(tmp_path, environment)))
