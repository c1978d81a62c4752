"""Logging to stderr: JSON lines for machines, plain lines for people at a terminal.

Log lines carry no personal data. What a database error says beside its first sentence is left out, because
there the server quotes rows.
"""

import json
import logging
import os
import select
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import msgspec

from shared.anticipated import Anticipated
from shared.private_words import quotes

Facts = Mapping[str, object]

PATIENCE = 1.0
"""Seconds for which finished lines (`write`) wait for a reader."""

_contexts: list[Callable[[], Facts]] = []
_private: list[Callable[[], Iterable[str]]] = []
_configured: tuple[str, bool, logging.StreamHandler[TextIO] | None] = "", True, None
"""The component, whether machines read its lines, and where these go."""
_PLAIN = logging.LogRecord("", 0, "", 0, "", (), None).__dict__.keys() | {"message", "asctime", "taskName"}


def configure(component: str) -> None:
    """Send everything that is logged to stderr, each line naming `component`.

    `DAYBOOK_LOG_FORMAT` = json | text (default: text at a terminal, else json); `DAYBOOK_LOG_LEVEL` (INFO).
    """
    wanted = os.environ.get("DAYBOOK_LOG_FORMAT") or ("text" if sys.stderr.isatty() else "json")
    level = os.environ.get("DAYBOOK_LOG_LEVEL", "info")
    if level.upper() not in logging.getLevelNamesMapping():
        raise Anticipated(f"DAYBOOK_LOG_LEVEL={level}: expected debug, info, warning or error")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_TextFormatter(component) if wanted == "text" else _JsonFormatter(component))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    global _configured  # noqa: PLW0603 -- as logging itself is, of the process
    _configured = component, wanted != "text", handler


def component() -> str:
    """Give the name that the lines of this process bear; empty before `configure`."""
    return _configured[0]


def for_machines() -> bool:
    """Whether lines are JSON."""
    return _configured[1]


def time_of(at: float) -> str:
    """Render a moment in Unix time as all lines have it, many times faster than `datetime` does."""
    second, milliseconds = divmod(int(at * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03d}Z"


def json_line(at: float, logger: str, message: str, facts: Facts) -> str:
    """Render a line as `configure` has it for machines; `at` in Unix time."""
    line = {
        "time": time_of(at),
        "level": "info",
        "component": _configured[0],
        "logger": logger,
        "message": message,
        **facts,
    }
    return msgspec.json.encode(line).decode()


def text_line(at: float, message: str) -> str:
    """Render a line for people likewise."""
    return f"{time_of(at)[11:23]} {_configured[0]:<11} {message}"


def write(lines: Sequence[str]) -> int:
    """Write finished lines where all others go; returns how many are lost because nobody takes them.

    A log that nobody reads is to hold nobody up: what it does not take within `PATIENCE` is given up.
    """
    handler = _configured[2]
    if not lines or handler is None:
        return 0
    written = 0
    handler.acquire()
    try:
        descriptor = handler.stream.fileno()
        taking = select.poll()
        taking.register(descriptor, select.POLLOUT)
        for piece in _pieces(lines):
            if not taking.poll(PATIENCE * 1000):
                break
            os.write(descriptor, "\n".join([*piece, ""]).encode())
            written += len(piece)
    except OSError:
        pass  # it is gone: no reason to stop working
    finally:
        handler.release()
    return len(lines) - written


def _pieces(lines: Sequence[str]) -> Iterator[list[str]]:
    """Cut `lines` into pieces that a pipe takes at once, if it takes any."""
    piece: list[str] = []
    size = 0
    for line in lines:
        if piece and size + len(line) >= select.PIPE_BUF:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 1
    yield piece


@lru_cache(4)
def _second(unix: int) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%S}"


def add_context(facts: Callable[[], Facts]) -> None:
    """Let every line carry `facts()`, asked when the line is written: the request it belongs to, for one."""
    _contexts.append(facts)


def keep_private(sent: Callable[[], Iterable[str]]) -> None:
    """Withhold what an exception says if it quotes `sent()`, asked when the line is written."""
    _private.append(sent)


def describe(error: BaseException) -> str:
    """Name an exception in one line that is fit for the log."""
    diagnostics = getattr(error, "diag", None)
    said = getattr(diagnostics, "message_primary", None) or str(error)
    if any(quotes(said, sent()) for sent in _private):
        said = "(withheld: it quotes the request)"
    return f"{type(error).__qualname__}: {said}"


def _facts(record: logging.LogRecord) -> dict[str, object]:
    facts: dict[str, object] = {}
    for context in _contexts:
        facts |= context()
    return facts | {name: value for name, value in record.__dict__.items() if name not in _PLAIN}


def _trace(error: BaseException) -> str:
    """Give the frames of `error` and of what caused it, outermost cause first."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = _trace(cause) + "\n" if cause is not None and cause is not error else ""
    return f"{before}{''.join(traceback.format_tb(error.__traceback__))}{describe(error)}"


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z"


class _JsonFormatter(logging.Formatter):
    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "component": self._component,
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = _trace(record.exc_info[1])
        return json.dumps(line, default=str)  # plain ASCII: whatever a message holds, the line can be written


class _TextFormatter(logging.Formatter):
    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {name}={value}" for name, value in _facts(record).items())
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        line = f"{_time(record)[11:23]} {self._component:<11} {level}{record.getMessage()}{facts}"
        if record.exc_info and record.exc_info[1]:
            line += "\n" + _trace(record.exc_info[1])
        return line
