"""A crew of processes: ready or not at all, restarted with growing pauses, ended in order, killed if need be."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest

from shared import supervising
from shared.supervising import Crew, Deaths, Failed, Process, StopRequested
from tests.support.processes import wait_until_gone


@pytest.fixture
def lines():
    return []


@pytest.fixture
def crew(lines):
    crew = Crew(lambda name, line: lines.append((name, line)))
    with crew.signals():
        yield crew


@pytest.fixture
def processes():
    started = []
    yield started
    for process in started:
        process.signal(signal.SIGKILL)


def shell(processes, script, ready=lambda: True, name="part"):
    process = Process(name, lambda: ["/bin/sh", "-c", script], {"PATH": os.defpath}, ready)
    processes.append(process)
    return process


def said(lines, text):
    return lambda: any(text in line for _, line in lines)


def test_what_a_process_says_is_shown_line_by_line_up_to_the_unfinished_last_one(crew, lines, processes):
    crew.start(shell(processes, "echo one; echo two >&2; printf three; exec sleep 3600", said(lines, "two")))
    assert lines == [("part", "one"), ("part", "two")]


def test_one_that_ends_before_it_is_ready_fails_with_all_that_it_said(crew, processes):
    with pytest.raises(Failed, match=r"(?s)part ended with exit code 3 at its start; its last words:\n.*no disk\nsorry"):
        crew.start(shell(processes, "echo no disk; printf sorry; exit 3", lambda: False))


def test_one_that_does_not_become_ready_fails(crew, lines, processes, monkeypatch):
    """Its time is over once it has spoken, however long that takes."""
    now = [0.0]

    def ready():
        if said(lines, "waiting")():
            now[0] += supervising.START_DEADLINE + 1
        return False

    monkeypatch.setattr(supervising, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with pytest.raises(Failed, match=r"part is not ready after 60 s; its last words:\nwaiting"):
        crew.start(shell(processes, "echo waiting; exec sleep 3600", ready))


def test_one_that_keeps_dying_is_started_again_with_growing_pauses_and_then_fails_the_whole(
    crew, lines, processes, monkeypatch
):
    monkeypatch.setattr(supervising, "FIRST_PAUSE", 0.01)
    begun = time.monotonic()
    crew.start(shell(processes, "echo alive; read x; exit 1"))
    with pytest.raises(Failed, match=r"part died 5 times within 60 s; its last words:\nalive"):
        crew.watch()
    assert lines == [("part", "alive")] * 5
    assert time.monotonic() - begun > 0.01 + 0.02 + 0.04 + 0.08


def test_pauses_double_up_to_a_limit_and_old_deaths_are_forgotten(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(supervising, "time", SimpleNamespace(monotonic=lambda: now[0]))
    deaths = Deaths()
    assert [deaths.another("it", "") for _ in range(4)] == [0.25, 0.5, 1.0, 2.0]
    now[0] += supervising.WITHIN + 1
    assert deaths.another("it", "") == 0.25


def test_a_process_that_closes_its_output_is_still_watched(crew, processes, monkeypatch):
    monkeypatch.setattr(supervising, "MOST_DEATHS", 1)
    crew.start(shell(processes, "exec >&- 2>&-; read x; exit 4"))
    with pytest.raises(Failed, match="part died 1 times"):
        crew.watch()


def test_what_a_dead_process_leaves_behind_is_killed(crew, lines, processes, monkeypatch):
    monkeypatch.setattr(supervising, "MOST_DEATHS", 1)
    crew.start(shell(processes, "sleep 3600 & echo $!; exit 1"))
    with pytest.raises(Failed):
        crew.watch()
    ((_, left_behind),) = lines
    wait_until_gone(int(left_behind))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_watching_once(crew, processes, number):
    crew.start(shell(processes, "exec sleep 3600"))

    def watch():  # the signal may be there before anybody watches
        threading.Timer(0.1, os.kill, [os.getpid(), number]).start()
        crew.watch()

    with pytest.raises(StopRequested):
        watch()
    os.kill(os.getpid(), number)  # a second one does not interrupt the ending
    crew.stop(*processes)
    assert not processes[0].running


def test_a_signal_whose_exception_is_lost_ends_the_watching_and_the_starting_all_the_same(crew, processes):
    with suppress(StopRequested):  # as Python does while it clears something away
        os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(StopRequested):
        crew.watch()
    with pytest.raises(StopRequested):
        crew.start(shell(processes, "exec sleep 60"))
    assert not processes[0].running


ASKED_TO_END_WHILE_IT_FORKS = """
import os, signal
from shared.supervising import Crew, Process, StopRequested
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGTERM))
crew = Crew(print)
with crew.signals():
    try:
        crew.start(Process("part", lambda: ["/bin/sh", "-c", "exit"], {}, lambda: True))
    except StopRequested:
        print("it heard")
"""


def test_a_signal_that_comes_while_a_process_is_started_is_heard():
    done = subprocess.run([sys.executable, "-c", ASKED_TO_END_WHILE_IT_FORKS], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("it heard\n", "")


def test_ending_is_polite_and_waits(crew, lines, processes):
    crew.start(shell(processes, "trap 'echo bye; exit 0' TERM; echo up; while :; do read x || sleep 0.05; done", said(lines, "up")))
    crew.stop(*processes)
    assert ("part", "bye") in lines
    assert not processes[0].running


def test_one_that_does_not_end_is_killed(crew, lines, processes, monkeypatch):
    monkeypatch.setattr(supervising, "PATIENCE", 0.2)
    crew.start(shell(processes, "trap '' TERM; echo up; while :; do sleep 0.05; done", said(lines, "up")))
    crew.stop(*processes)
    assert not processes[0].running


def test_a_second_signal_hurries_the_ending(crew, lines, processes, monkeypatch):
    crew.start(shell(processes, "trap '' TERM; echo up; while :; do sleep 0.05; done", said(lines, "up")))
    crew.ending()
    os.kill(os.getpid(), signal.SIGINT)
    monkeypatch.setattr(supervising, "PATIENCE", 120.0)
    begun = time.monotonic()
    crew.stop(*processes)
    assert time.monotonic() - begun < 60


def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    crew = Crew(lambda *_: None)
    with crew.signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
