"""`daybook up`, as its users meet it: real processes, the printed lines pasted into a shell, signals, kill -9."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from shared.house import EXAMPLE
from tests.support.parts import free_port
from tests.support.posting import until
from tests.support.processes import (
    DEADLINE,
    children,
    command_line,
    descendants,
    line_of,
    mentioning,
    rest_of,
    running,
    wait_until_gone,
)

DAYBOOK = Path(sys.executable).parent / "daybook"
PATIENT = {"DAYBOOK_COMMAND_DEADLINE": "30", "DAYBOOK_QUERY_DEADLINE": "60"}
"""How long a busy machine may take is nothing that these tests ask."""

TIMEOUT = 60


def up(data_dir, *options, **variables):
    options = ("--data-dir", data_dir, "--command-port", "0", "--query-port", "0", *options)
    return running(DAYBOOK, "up", *options, env=os.environ | PATIENT | variables)


def said_by(command, **settings):
    """What a command prints that succeeds."""
    return subprocess.run(command, capture_output=True, check=True, timeout=DEADLINE, **settings).stdout


def when_ready(process, ready_file):
    line_of(process, "Daybook is ready")
    return json.loads(ready_file.read_text())


def bearer(ready):
    return {"Authorization": f"Bearer {ready['token']}"}


def place_order(ready):
    """Place an order; asked again under the same key while nobody says that it is done."""
    headers = bearer(ready) | {"Idempotency-Key": uuid4().hex}

    def placed():
        with suppress(httpx.TransportError):
            answer = httpx.post(f"{ready['command_url']}/v1/orders", json=EXAMPLE, headers=headers, timeout=TIMEOUT)
            assert answer.status_code in (201, 503), answer.text
            return answer if answer.status_code == 201 else None

    return until(placed, "an order is placed", DEADLINE)


def read_back(ready, written):
    """What a read with the token of the write shows; asked again while it says that it cannot yet."""
    headers = bearer(ready) | {"Consistency-Token": written.headers["Consistency-Token"], "Prefer": "wait=20"}

    def shown():
        with suppress(httpx.TransportError):
            answer = httpx.get(written.headers["Location"], headers=headers, timeout=TIMEOUT)
            return None if answer.status_code == 503 else answer

    return until(shown, "the order can be read", DEADLINE)


def part_of(process, argument):
    """The process that it has started with this argument; None while there is none."""
    return next((pid for pid in children(process.pid) if argument in command_line(pid).split("\0")), None)


def kill(process, argument):
    """kill -9 of what it has started with this argument, as soon as there is such a one."""
    pid = until(lambda: part_of(process, argument), f"it has started {argument}")
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)


def ends_by(process, number):
    below = descendants(process.pid)
    process.send_signal(number)
    output = rest_of(process)
    assert process.wait(DEADLINE) == 0, output
    for pid in below:
        wait_until_gone(pid, 0)
    return output


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def ready_file(tmp_path):
    return tmp_path / "ready.json"


def test_an_order_travels_the_whole_house_by_the_printed_lines(data_dir, ready_file):
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    with up(data_dir, "--ready-file", ready_file) as process:
        ready = when_ready(process, ready_file)
        assert set(ready) == {"command_url", "query_url", "token", "database_url"}
        assert ready_file.stat().st_mode & 0o777 == 0o600
        link = line_of(process, "/console/").split()[-1]
        assert link == f"{ready['query_url']}/console/login#token={ready['token']}"
        assert httpx.get(link, timeout=TIMEOUT).status_code == 200
        place, read = line_of(process, "curl -sSw"), line_of(process, "curl -sSw")
        placed = json.loads(said_by(["sh", "-c", place]))
        assert placed["status"] == "placed"
        seen = until(lambda: (seen := json.loads(said_by(["sh", "-c", read]))).get("status") != 503 and seen, "it is read")
        assert seen["order_id"] == placed["order_id"]
        assert seen["version"] == placed["version"]
        with psycopg.connect(ready["database_url"]) as connection:
            assert connection.execute("SELECT max(position) FROM events.event").fetchone() == (2,)
        output = ends_by(process, signal.SIGTERM)
    assert output.rindex("stopping") < output.rindex("PostgreSQL has stopped") < output.rindex("up          stopped")
    assert "Traceback" not in output
    assert not ready_file.exists(), "what it says is no longer true"


def test_what_was_acknowledged_is_there_next_time_and_ctrl_c_ends_it(data_dir, ready_file):
    with up(data_dir, "--ready-file", ready_file) as process:
        written = place_order(when_ready(process, ready_file))
        ends_by(process, signal.SIGINT)
    with up(data_dir, "--ready-file", ready_file) as process:
        ready = when_ready(process, ready_file)
        order_id = written.json()["order_id"]
        answer = httpx.get(f"{ready['query_url']}/v1/orders/{order_id}", headers=bearer(ready), timeout=TIMEOUT)
        assert answer.status_code == 200
        ends_by(process, signal.SIGINT)


def test_killing_it_leaves_no_process(data_dir, ready_file):
    with up(data_dir, "--ready-file", ready_file) as process:
        when_ready(process, ready_file)
        below = descendants(process.pid)
        assert len(below) >= 8
        process.kill()
        process.wait()
        for pid in below:
            wait_until_gone(pid)


def test_no_secret_is_among_the_arguments(data_dir, ready_file):
    with up(data_dir, "--ready-file", ready_file) as process:
        when_ready(process, ready_file)
        arguments = "".join(command_line(pid) for pid in descendants(process.pid))
        for name in ("auth-secret", "database-secret"):
            secret = data_dir / name
            assert secret.read_text() not in arguments
            assert secret.stat().st_mode & 0o777 == 0o600
        ends_by(process, signal.SIGTERM)


def test_whatever_dies_is_started_again_in_its_place(data_dir, ready_file):
    with up(data_dir, "--ready-file", ready_file) as process:
        ready = when_ready(process, ready_file)
        for name in ("command-api", "query-api", "projector"):
            kill(process, name)
            line_of(process, f"{name} was ended by SIGKILL; starting it again")
            answer = read_back(ready, place_order(ready)) if name == "projector" else None
            line_of(process, "leading at" if name == "projector" else "ready at")
            assert answer is None or answer.status_code == 200
        kill(process, "--cluster_name=daybook")
        line_of(process, "PostgreSQL ended with exit code -9; starting it again")
        assert read_back(ready, place_order(ready)).status_code == 200
        ends_by(process, signal.SIGTERM)


def test_a_part_that_keeps_dying_brings_all_down_with_its_last_words(data_dir, ready_file):
    with up(data_dir, "--ready-file", ready_file) as process:
        when_ready(process, ready_file)
        below = descendants(process.pid)
        for _ in range(4):  # at once: on a busy machine, five that wait to be ready may take longer than they are given
            kill(process, "projector")
            line_of(process, "starting it again")
        line_of(process, "leading at")
        kill(process, "projector")
        output = rest_of(process)
        assert process.wait(DEADLINE) == 1
    assert re.search(r"(?s)Error: projector died 5 times within 60 s; its last words:\n.*leading at", output)
    assert "Traceback" not in output
    for pid in below:
        wait_until_gone(pid, 0)


@pytest.mark.parametrize("option", ["--command-port", "--query-port", "--database-port"])
def test_a_taken_port_is_refused_before_anything_starts(data_dir, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with up(data_dir, option, port) as process:
            output = rest_of(process)
            assert process.wait(DEADLINE) == 1
    assert output == (
        f"Error: cannot listen at 127.0.0.1:{port}: Address already in use; "
        f"choose another with {option}, 0 for a free one\n"
    )
    assert not data_dir.exists()


def test_one_port_for_two_is_refused(data_dir):
    port = free_port()
    with up(data_dir, "--command-port", port, "--query-port", port) as process:
        assert f"--command-port and --query-port are both {port}" in line_of(process)
        assert process.wait(DEADLINE) == 1


def test_a_ready_file_without_a_folder_is_refused_before_anything_starts(data_dir, tmp_path):
    with up(data_dir, "--ready-file", tmp_path / "none" / "ready.json") as process:
        assert "there is no folder" in rest_of(process)
        assert process.wait(DEADLINE) == 2
    assert not data_dir.exists()


def test_a_second_one_on_the_same_data_directory_is_refused(data_dir, ready_file):
    with up(data_dir, "--ready-file", ready_file) as process:
        ready = when_ready(process, ready_file)
        with up(data_dir, "--ready-file", ready_file) as second:
            output = rest_of(second)
            assert second.wait(DEADLINE) == 1
        assert json.loads(ready_file.read_text()) == ready, "what the first one announced is true still"
        assert "has stopped" not in output
        assert f"Error: the data directory {data_dir} is in use by process {process.pid}" in output
        assert "Traceback" not in output
        ends_by(process, signal.SIGTERM)


def test_a_database_that_is_given_takes_the_place_of_the_embedded_one(database, data_dir, ready_file):
    with up(data_dir, "--ready-file", ready_file, DAYBOOK_DATABASE_URL=database) as process:
        ready = when_ready(process, ready_file)
        assert ready["database_url"] == database
        assert read_back(ready, place_order(ready)).status_code == 200
        assert not (data_dir / "postgres").exists()
        ends_by(process, signal.SIGTERM)


def test_stopping_it_while_it_starts_leaves_nothing_behind(data_dir):
    with up(data_dir) as process:
        line_of(process, "starting PostgreSQL")
        process.send_signal(signal.SIGTERM)
        output = rest_of(process)
        assert process.wait(DEADLINE) == 0, output
        assert "Traceback" not in output
    until(lambda: not mentioning(str(data_dir)), "nothing is left; what a dying initdb has started ends by itself")


def test_other_commands_use_the_running_server(data_dir, ready_file):
    with up(data_dir, "--ready-file", ready_file) as process:
        ready = when_ready(process, ready_file)
        place_order(ready)
        command = [DAYBOOK, "audit", "--json", "--data-dir", data_dir]
        audit = json.loads(said_by(command))
        assert (audit["events"], audit["findings"]) == (2, [])
        command = [DAYBOOK, "token", "--scope", "orders:read", "--data-dir", data_dir]
        token = said_by(command, text=True).strip()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(headers=headers, timeout=TIMEOUT) as reader:
            assert reader.get(f"{ready['query_url']}/v1/orders").status_code == 200
            assert reader.post(f"{ready['command_url']}/v1/orders", json={}).status_code == 403
        ends_by(process, signal.SIGTERM)
