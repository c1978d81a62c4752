"""Where the read tables and the log stand, looked up whenever somebody asks for the metrics.

So they are right also while nobody reads, and while no projector runs that could say them.
"""

from math import nan

from query_api import event_stream
from query_api.freshness import Freshness
from query_api.head import Head
from shared import metrics, telling
from shared.metric_list import READS_HEAD, READS_LAG, READS_POSITION, STREAMS
from shared.problems import Problem
from shared.telling import Found


def measure(freshness: Freshness, head: Head) -> None:
    """Let the metrics of this process, if it has any, say so; and how many streams are open."""
    metrics.sample(STREAMS, lambda: len(event_stream.OPEN))
    if (present := telling.present()) is not None:
        unknown = [(metric, nan) for metric in (READS_POSITION, READS_HEAD, READS_LAG)]
        present.add_look(unknown, lambda: _look(freshness, head))


def _look(freshness: Freshness, head: Head) -> Found:
    try:
        position, lag = freshness.now()
    except Problem:
        return []
    known = head.last_known()
    return [
        (READS_POSITION, position),
        *([] if lag is None else [(READS_LAG, lag)]),
        *([(READS_HEAD, known.position)] if known else []),
    ]
