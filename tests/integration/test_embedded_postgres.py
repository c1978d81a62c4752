"""The embedded PostgreSQL: serves every account, has one owner, ends with it, and says in a sentence why not."""

import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from shared.anticipated import Anticipated
from shared.data_directory import DataDirectoryInUse, DataDirectoryNotOurs, DiskFull
from shared.embedded_postgres import Server, cluster, opened, programs, server
from shared.embedded_postgres.errors import (
    BinariesMissing,
    NoAccount,
    NotStarted,
    PortTaken,
    WrongMajorVersion,
    WrongSecret,
)
from tests.support.processes import line_of, python, running, wait_until_gone

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root can be another account")

OWN = """
import json, sys
from pathlib import Path
from shared.embedded_postgres import Server
server = Server(Path(sys.argv[1]), shared_buffers="16MB")
server.start()
print(json.dumps({"url": server.place.url, "pid": server._process.pid}), flush=True)
sys.stdin.read()
server.stop()
print("stopped", flush=True)
"""
BECOME_NOBODY = """
import os, psycopg, pwd, sys
import shared.embedded_postgres
nobody = pwd.getpwnam("nobody")
os.setgroups([]); os.setgid(nobody.pw_gid); os.setuid(nobody.pw_uid)
"""  # with everything imported, since the interpreter may lie below a closed folder
ADOPT = """
import json, sys
from pathlib import Path
from shared.embedded_postgres import opened
with opened(Path(sys.argv[1]), shared_buffers="16MB") as url:
    print(json.dumps({"url": url}), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def open_folder():
    """A folder that every account may enter, as most are; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="daybook-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="module")
def made(open_folder):
    """A data directory as a first start leaves it; makes the other tests faster."""
    with opened(open_folder / "made"):
        pass
    return open_folder / "made"


@pytest.fixture
def data_dir(made, open_folder, request):
    """A copy of its own of that directory."""
    copy = open_folder / f"d{abs(hash(request.node.nodeid)) % 10**8}"
    subprocess.run(["cp", "-a", made, copy], check=True)
    yield copy
    shutil.rmtree(copy)


def start(data_dir):
    with opened(data_dir, shared_buffers="16MB") as url, psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone()


def owner_of(pid):
    return pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name


def test_it_serves_socket_and_loopback_only_by_password_with_fsync(data_dir):
    server_ = Server(data_dir)
    server_.start()
    try:
        for url in (server_.place.url, server_.place.tcp_url):
            with psycopg.connect(url) as connection:
                settings = {
                    name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]
                    for name in ("listen_addresses", "fsync", "full_page_writes", "synchronous_commit", "timezone")
                }
                assert connection.info.dbname == "daybook"
            assert settings == {
                "listen_addresses": "127.0.0.1",
                "fsync": "on",
                "full_page_writes": "on",
                "synchronous_commit": "on",
                "timezone": "UTC",
            }
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(url, password="guess")
        assert "host=" in server_.place.url
    finally:
        server_.stop()


def test_secrets_and_log_are_private_and_letters_are_unicode(data_dir):
    with opened(data_dir) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 'Ä' ILIKE 'ä', pg_encoding_to_char(encoding) FROM pg_database").fetchone() == (
            True,
            "UTF8",
        )
    for name in ("database-secret", "postgres.log", "lock"):
        assert (data_dir / name).stat().st_mode & 0o777 == 0o600
    assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700
    secret = (data_dir / "database-secret").read_text()
    assert secret not in (data_dir / "postgres.log").read_text()


def test_what_was_written_is_there_after_a_restart(data_dir):
    with opened(data_dir) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS it")
    with opened(data_dir) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT it FROM kept").fetchone() == (7,)


@needs_root
def test_root_runs_it_as_nobody(data_dir):
    with python(OWN, data_dir) as owner:
        assert owner_of(json.loads(line_of(owner))["pid"]) == "nobody"
        owner.stdin.close()
        assert line_of(owner) == "stopped"


@needs_root
def test_root_runs_it_in_a_namespace_where_nobody_cannot_enter(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    modes = [folder.stat().st_mode for folder in closed.parents]
    with python(OWN, closed / "data") as owner:
        server_ = json.loads(line_of(owner))
        with psycopg.connect(server_["url"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        owner.kill()
        wait_until_gone(server_["pid"])
    assert (closed / "data" / "postgres" / "data").stat().st_uid == 0
    assert [folder.stat().st_mode for folder in closed.parents] == modes
    assert start(closed / "data") == (1,)


@needs_root
def test_programs_that_nobody_cannot_reach_are_copied_beside_the_data(data_dir, tmp_path, monkeypatch):
    installed = programs._installed()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = installed.parent.parent
    (closed / package.name).symlink_to(package)
    (closed / f"{package.name}.libs").symlink_to(package.with_name(f"{package.name}.libs"))
    monkeypatch.setattr(programs, "_installed", lambda: closed / package.name / "pginstall" / "bin")
    assert start(data_dir) == (1,)
    (copy,) = (data_dir / "postgres").glob("programs-*")
    made = copy.stat().st_mtime_ns
    assert start(data_dir) == (1,)
    assert copy.stat().st_mtime_ns == made, "copied once"


@needs_root
def test_a_copy_cut_short_is_made_anew(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "_runs", lambda _: False)
    unfinished = data_dir / "postgres" / "programs.new" / "embedded_postgres" / "pginstall"
    unfinished.mkdir(parents=True)
    assert start(data_dir) == (1,)
    assert not (data_dir / "postgres" / "programs.new").exists()


@needs_root
def test_without_an_account_the_refusal_says_what_to_do(tmp_path, monkeypatch):
    def forbidden():
        raise OSError("Operation not permitted")

    monkeypatch.setattr(programs, "_enter_namespace", forbidden)
    with pytest.raises(NoAccount, match=r"cannot enter it and user namespaces are not allowed.*chmod o\+x"):
        start(tmp_path / "data")


def test_an_ordinary_user_runs_it(open_folder):
    folder = open_folder / "ordinary"
    folder.mkdir()
    code = OWN
    if ROOT:
        if subprocess.run(["runuser", "-u", "nobody", "--", "test", "-x", programs._installed()], check=False).returncode:
            pytest.skip("this installation lies below a folder that only root may enter")
        os.chown(folder, *pwd.getpwnam("nobody")[2:4])
        code = BECOME_NOBODY + OWN
    with python(code, folder / "data", cwd="/") as owner:
        assert json.loads(line_of(owner))["pid"]
        owner.stdin.close()
        assert line_of(owner) == "stopped"


def test_killing_the_owner_ends_the_server(data_dir):
    with python(OWN, data_dir) as owner:
        server_ = json.loads(line_of(owner))
        owner.kill()
        owner.wait()
        wait_until_gone(server_["pid"])
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists(), "it ended cleanly"
    assert start(data_dir) == (1,)


def test_stopping_does_not_wait_for_connections(data_dir):
    server_ = Server(data_dir)
    server_.start()
    with psycopg.connect(server_.place.url):
        before = time.monotonic()
        server_.stop()
        assert time.monotonic() - before < server.STOP_DEADLINE, "nobody had to be forced"
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()


def test_a_second_process_adopts_the_server_and_leaves_it_running(data_dir):
    with python(OWN, data_dir) as owner:
        server_ = json.loads(line_of(owner))
        with opened(data_dir) as url:
            assert url == server_["url"]
        with psycopg.connect(server_["url"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(DataDirectoryInUse, match=f"in use by process {owner.pid}"):
            Server(data_dir).start()
        owner.stdin.close()
        assert line_of(owner) == "stopped"


def test_two_first_starts_at_once_share_one_server(open_folder):
    folder = open_folder / "at-once"
    with python(ADOPT, folder) as one, python(ADOPT, folder) as other:
        urls = {json.loads(line_of(process))["url"] for process in (one, other)}
        assert len(urls) == 1
        with psycopg.connect(urls.pop()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_half_made_folder_is_made_anew(open_folder):
    half = open_folder / "half" / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    if ROOT:
        os.chown(half.parent, *pwd.getpwnam("nobody")[2:4])
    assert start(open_folder / "half") == (1,)
    assert not half.exists()


def test_killing_the_owner_while_it_makes_the_folder_leaves_nothing_that_passes_for_one(open_folder):
    folder = open_folder / "killed"
    code = """
import os, signal, sys
from pathlib import Path
from shared.embedded_postgres import Server, programs
start = programs.Programs.start
def start_and_die(self, program, *arguments, **settings):
    process = start(self, program, *arguments, **settings)
    if program == "initdb":
        process.stdout.readline()
        print(process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return process
programs.Programs.start = start_and_die
Server(Path(sys.argv[1])).start()
"""
    with python(code, folder) as owner:
        wait_until_gone(int(line_of(owner)))
    assert not (folder / "postgres" / "data").exists()
    assert start(folder) == (1,)


def test_a_stale_pid_file_that_names_a_living_process_is_removed(tmp_path):
    """In a container the numbers repeat, and PostgreSQL believes any process of its own account."""
    data_dir = tmp_path / "data"
    assert start(data_dir) == (1,)
    data = data_dir / "postgres" / "data"
    with running("sleep", "3600", cwd=data) as somebody:
        (data / "postmaster.pid").write_text(f"{somebody.pid}\n{data}\n0\n5432\n\nlocalhost\n\nready   \n")
        assert start(data_dir) == (1,)
        assert somebody.poll() is None


def test_a_server_that_outlived_its_owner_is_ended_first(data_dir):
    code = "from shared import ending; ending._libc = None\n" + OWN
    with python(code, data_dir) as owner:
        left = json.loads(line_of(owner))
        owner.kill()
        owner.wait()
        with psycopg.connect(left["url"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,), "nothing told it to end"
        assert start(data_dir) == (1,)
        wait_until_gone(left["pid"], 0)


def test_a_killed_server_restarts_in_its_place(data_dir):
    server_ = Server(data_dir)
    server_.start()
    try:
        with psycopg.connect(server_.place.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS it")
            os.kill(server_._process.pid, signal.SIGKILL)
            server_._process.wait()
            assert server_.poll() == -signal.SIGKILL
            before = server_.place
            server_.restart()
            assert server_.place == before
        with psycopg.connect(server_.place.url) as connection:
            assert connection.execute("SELECT it FROM kept").fetchone() == (7,)
    finally:
        server_.stop()


def test_a_forked_child_of_the_owner_does_not_stop_the_server(data_dir):
    server_ = Server(data_dir)
    server_.start()
    try:
        child = os.fork()
        if not child:
            server_.stop()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        with psycopg.connect(server_.place.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server_.stop()


def test_only_the_main_thread_may_start_it(data_dir):
    caught = []

    def attempt():
        try:
            Server(data_dir).start()
        except RuntimeError as error:
            caught.append(str(error))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert "from the main thread" in caught[0]


def test_where_the_path_is_too_long_for_a_socket_loopback_serves(made, open_folder):
    deep = open_folder / ("long" * 20)
    subprocess.run(["cp", "-a", made, deep], check=True)
    server_ = Server(deep)
    server_.start()
    try:
        assert server_.place.url.startswith(server_.place.tcp_url)
        with psycopg.connect(server_.place.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server_.stop()


@needs_root
def test_a_directory_of_somebody_else_is_refused(tmp_path):
    os.chown(tmp_path, 1, 1)
    with pytest.raises(DataDirectoryNotOurs, match=r"belongs to daemon and you are root: .*--data-dir"):
        start(tmp_path)
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_an_ordinary_user_is_refused_the_directory_of_root(data_dir):
    with python(BECOME_NOBODY + OWN, data_dir) as process:
        assert "belongs to root and you are nobody" in line_of(process, "DataDirectoryNotOurs: ")


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Anticipated, match="cannot be used: File exists"):
        start(tmp_path / "file")


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", folder], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a small disk here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_without_room_is_refused_before_anything_is_made(small_disk):
    with pytest.raises(DiskFull, match="the disk is full: a database needs 100 MB below"):
        start(small_disk / "data")
    assert list((small_disk / "data" / "postgres").iterdir()) == []


def test_a_disk_that_fills_up_is_said_in_a_sentence_and_leaves_no_folder(small_disk, monkeypatch):
    monkeypatch.setattr(cluster, "ROOM", 0)
    with pytest.raises(DiskFull, match="the disk is full: no room"):
        start(small_disk / "data")
    assert not (small_disk / "data" / "postgres" / "data").exists()


def test_a_taken_port_is_said_and_ownership_given_up(data_dir):
    with server.socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTaken, match="is taken"):
        Server(data_dir, taken.getsockname()[1]).start()
    assert start(data_dir) == (1,)


def test_another_major_version_is_refused_before_anything_starts(data_dir):
    version = data_dir / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(WrongMajorVersion, match=r"made by PostgreSQL 17 and the installed one is 18\."):
        start(data_dir)


def test_a_missing_wheel_is_said(data_dir, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BinariesMissing, match=r"daybook\[embedded\].*DAYBOOK_DATABASE_URL"):
        start(data_dir)


def test_programs_of_another_machine_are_said(data_dir, tmp_path, monkeypatch):
    (tmp_path / "a" / "pginstall" / "bin").mkdir(parents=True)
    monkeypatch.setattr(programs, "_installed", lambda: tmp_path / "a" / "pginstall" / "bin")
    with pytest.raises(BinariesMissing, match="does not run on this machine"):
        start(data_dir)


def test_a_replaced_secret_is_said(data_dir):
    (data_dir / "database-secret").write_text("another")
    with pytest.raises(WrongSecret, match="put the old file back"):
        start(data_dir)


def test_a_server_that_does_not_start_says_why_in_its_last_words(data_dir):
    with pytest.raises(NotStarted, match='unrecognized configuration parameter "nonsense"'):
        Server(data_dir, nonsense="1").start()


def test_a_server_that_is_not_ready_in_time_is_stopped_and_says_so(data_dir, monkeypatch):
    """Its time is over once it has spoken, however long that takes."""
    now, log = [0.0], data_dir / "postgres.log"
    said_before = log.read_text().count("starting PostgreSQL")

    def described(_):
        if log.read_text().count("starting PostgreSQL") > said_before:
            now[0] += server.START_DEADLINE + 1

    monkeypatch.setattr(server, "described", described)
    monkeypatch.setattr(server, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep))
    with pytest.raises(NotStarted, match=r"(?s)not ready within .* last words:.*starting PostgreSQL"):
        start(data_dir)
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()


def test_a_log_grown_large_is_put_aside(data_dir, monkeypatch):
    monkeypatch.setattr(server, "LARGEST_LOG", 10)
    assert start(data_dir) == (1,)
    assert (data_dir / "postgres.log.1").exists()


def test_a_failed_initdb_leaves_its_words(open_folder, monkeypatch):
    monkeypatch.setattr(cluster, "INITDB", ("--nonsense",))
    with pytest.raises(NotStarted, match=r"(?s)initdb failed.*nonsense"):
        start(open_folder / "failed")
