"""Every metric that Daybook exposes, each with a sentence: the one list that code, tests and README go by.

Names follow the conventions of Prometheus: base units, `_total` on counters. Labels are bounded: templates of routes,
methods, codes and types of our own tables; never an id, never a name.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Labels = tuple[str, ...]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LAGS = (*SECONDS, 60.0, 300.0, 1800.0, 7200.0)
COMMANDS = (1, 2, 4, 8, 16, 32, 64, 128)
EVENTS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)

COMMAND_API, QUERY_API, PROJECTOR = "command-api", "query-api", "projector"
APIS = (COMMAND_API, QUERY_API)
ALL = (*APIS, PROJECTOR)


class Metric(NamedTuple):
    """A metric. `at` are the parts that expose it; `begins` the label values that are there, as 0, from the start.

    `across`: what a gauge of several worker processes comes to: their sum, or what was set last.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    at: Sequence[str]
    says: str
    labels: Labels = ()
    buckets: Sequence[float] = ()
    begins: Sequence[Labels] = ()
    across: Literal["livesum", "mostrecent"] = "livesum"


METRICS: dict[str, Metric] = {}
"""By name."""


def _listed(metric: Metric) -> Metric:
    METRICS[metric.name] = metric
    return metric


def _counter(name: str, at: Sequence[str], says: str, labels: Labels = (), begins: Sequence[Labels] = ()) -> Metric:
    return _listed(Metric(name, "counter", at, says, labels, begins=begins))


def _histogram(name: str, at: Sequence[str], says: str, buckets: Sequence[float], labels: Labels = ()) -> Metric:
    return _listed(Metric(name, "histogram", at, says, labels, buckets))


def _gauge(name: str, at: Sequence[str], says: str, labels: Labels = (), begins: Sequence[Labels] = ()) -> Metric:
    return _listed(Metric(name, "gauge", at, says, labels, begins=begins))


def _found(name: str, at: Sequence[str], says: str) -> Metric:
    """A gauge that is looked up in the databases when somebody asks; NaN where they do not answer."""
    return _listed(Metric(name, "gauge", at, says, across="mostrecent"))


# HTTP

HTTP_REQUESTS = _counter(
    "daybook_http_requests_total",
    APIS,
    "Requests answered, by the route's template and the answer's status.",
    ("method", "route", "status"),
)
HTTP_DURATION = _histogram(
    "daybook_http_request_duration_seconds",
    APIS,
    "Time from a request's arrival at the app to its whole answer, of a stream to its end; with Prefer: wait, waited.",
    SECONDS,
    ("method", "route"),
)
HTTP_IN_PROGRESS = _gauge("daybook_http_requests_in_progress", APIS, "Requests being served now.")
HTTP_THREADS = _gauge("daybook_http_threads", APIS, "Requests that all workers together can serve at a time.")
HTTP_PROBLEMS = _counter(
    "daybook_http_problems_total",
    APIS,
    "Errors answered, by code (/problems explains each): `overloaded` are refusals for want of room, "
    "`store_unavailable` databases that do not answer in time, `internal_error` faults of ours.",
    ("code",),
    [("internal_error",), ("overloaded",), ("store_unavailable",)],
)
CONNECTIONS = _gauge(
    "daybook_database_connections",
    APIS,
    "Connections that requests read with, by database (log, reads) and state (busy, idle).",
    ("database", "state"),
)

# The write side

OUTCOMES = ("applied", "unchanged", "replayed", "refused", "conflict", "not_applied", "unknown", "fault")
COMMANDS_HANDLED = _counter(
    "daybook_commands_total",
    [COMMAND_API],
    "Commands handled, by kind and outcome: applied, unchanged (already so), replayed (answered before under its key), "
    "refused (with the code of the problem), conflict (others were faster, again and again), not_applied and unknown "
    "(the log did not answer), fault.",
    ("command", "outcome", "code"),
)
COMMAND_DURATION = _histogram(
    "daybook_command_duration_seconds",
    [COMMAND_API],
    "Time to load, decide and append a command, by kind.",
    SECONDS,
    ("command",),
)
COMMAND_RETRIES = _counter(
    "daybook_command_retries_total",
    [COMMAND_API],
    "Decisions made again because the order had changed meanwhile.",
    begins=[()],
)
APPEND_COMMANDS = _histogram(
    "daybook_append_batch_commands", [COMMAND_API], "Commands that shared one append and its fsync.", COMMANDS
)
APPEND_WAIT = _histogram(
    "daybook_append_wait_seconds", [COMMAND_API], "Time a command queued before an append took it.", SECONDS
)
APPEND_DURATION = _histogram(
    "daybook_append_duration_seconds", [COMMAND_API], "Time of one append in the database, its fsync included.", SECONDS
)
APPEND_FAILURES = _counter(
    "daybook_append_failures_total",
    [COMMAND_API],
    "Commands not appended because the log did not answer: not_applied (nothing was written) or unknown.",
    ("outcome",),
    [("not_applied",), ("unknown",)],
)
APPEND_QUEUE = _gauge("daybook_append_queue_commands", [COMMAND_API], "Commands that wait for the next append now.")

# The read side

READ_WAIT = _histogram(
    "daybook_read_wait_duration_seconds",
    [QUERY_API],
    "Time that reads waited for the projector to reach a Consistency-Token, or the head with freshness=strict, by "
    "outcome: reached, behind (answered 503), given_up (the client has gone).",
    SECONDS,
    ("outcome",),
)
WAITING = _gauge(
    "daybook_waiting_requests",
    [QUERY_API],
    "Requests that hold one of the places for waiting: waits, streams, exports.",
)
WAITING_PLACES = _gauge(
    "daybook_waiting_places",
    [QUERY_API],
    "Such places in all; beyond them requests that wait are refused (overloaded).",
)
STREAMS = _gauge("daybook_event_streams", [QUERY_API], "Clients that are connected to the event stream now.")
ANSWER_LAG = _histogram(
    "daybook_answer_lag_seconds",
    [QUERY_API],
    "How far behind the log answers were, as their Projection-Lag says.",
    LAGS,
)
FEED_DISTANCE = _histogram(
    "daybook_feed_distance_events",
    [QUERY_API],
    "Events that readers of /v1/events still had before them after a page, up to where the read tables are.",
    EVENTS,
)
READS_POSITION = _found("daybook_reads_position", [QUERY_API], "Position of the read tables, looked up at the scrape.")
READS_HEAD = _found("daybook_reads_head_position", [QUERY_API], "Last position of the log, looked up at the scrape.")
READS_LAG = _found(
    "daybook_reads_lag_seconds",
    [QUERY_API],
    "How old a read would be now, looked up at the scrape: also with no projector.",
)

# The projector

LEADER = _gauge("daybook_projector_leader", [PROJECTOR], "1: this process posts; 0: it stands by.")
TROUBLE = _gauge("daybook_projector_in_trouble", [PROJECTOR], "1: a database keeps this process from its work.")
RECONNECTS = _counter(
    "daybook_projector_reconnects_total", [PROJECTOR], "Attempts to go on after a database was lost.", begins=[()]
)
BATCHES = _counter("daybook_projector_batches_total", [PROJECTOR], "Batches committed.", begins=[()])
POSTED = _counter(
    "daybook_projector_events_total",
    [PROJECTOR],
    "Events posted, by type; `unknown` are types that this code does not know.",
    ("type",),
)
BATCH_EVENTS = _histogram("daybook_projector_batch_events", [PROJECTOR], "Events of one batch.", EVENTS[:5])
BATCH_DURATION = _histogram(
    "daybook_projector_batch_duration_seconds", [PROJECTOR], "Time of one batch, from reading to commit.", SECONDS
)
VISIBLE = _histogram(
    "daybook_commit_to_visible_seconds",
    [PROJECTOR],
    "Time from an event's recorded_at to the commit that made it visible, each event counted, by the clock of the "
    "log's database (within half a round trip).",
    LAGS,
)
PROJECTOR_REACHES = _found(
    "daybook_projector_databases_up", [PROJECTOR], "1: both databases answered this scrape; else what follows is NaN."
)
PAUSED = _found("daybook_projector_paused", [PROJECTOR], "1: `daybook pause` holds; until `daybook resume`.")
POSITION = _found("daybook_projector_position", [PROJECTOR], "Position of the read tables.")
HEAD = _found("daybook_log_head_position", [PROJECTOR], "Last position of the log.")
LAG_EVENTS = _found("daybook_projector_lag_events", [PROJECTOR], "Events that are not posted yet.")
LAG_SECONDS = _found(
    "daybook_projector_lag_seconds", [PROJECTOR], "For how long the oldest event not posted yet has been waiting."
)
QUARANTINED = _found("daybook_quarantined_orders", [PROJECTOR], "Orders that stand still; `daybook status` lists them.")
DRIFTED = _found(
    "daybook_drifted_subjects",
    [PROJECTOR],
    "Orders and customers whose rows the background verifier found to differ from the log.",
)
REBUILDING = _found("daybook_rebuild_running", [PROJECTOR], "1: a rebuild, a verification or a dry run is under way.")
REBUILD_POSITION = _found("daybook_rebuild_position", [PROJECTOR], "Events that it has posted; 0 while none runs.")
REBUILD_HEAD = _found("daybook_rebuild_head_position", [PROJECTOR], "Events that it has to post; 0 while none runs.")

LINES_LOST = _counter(
    "daybook_log_lines_lost_total",
    ALL,
    "Lines about requests and batches that were given up because nobody took them off the log for a second.",
    begins=[()],
)
BUILD = _gauge(
    "daybook_build_info",
    ALL,
    "1 for each process, with its version and the revision of the read tables it knows.",
    ("version", "revision"),
)
