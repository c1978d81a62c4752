"""Where the read tables and the log stand, looked up whenever somebody asks for the metrics.

So they are right also while nobody reads, and while no projector runs that could say them.
"""

from math import nan

from query_api import event_stream
from query_api.freshness import Freshness
from query_api.head import Head
from shared import metrics, telling
from shared.metric_list import READS_HEAD, READS_LAG, READS_POSITION, STREAMS
from shared.metric_registry import Registry
from shared.problems import Problem


def measure(freshness: Freshness, head: Head) -> None:
    """Let the metrics of this process, if it has any, say so; and how many streams are open."""
    metrics.sample(STREAMS, lambda: len(event_stream.OPEN))
    if (present := telling.present()) is not None:
        present.add_look(lambda registry: _look(registry, freshness, head))


def _look(registry: Registry, freshness: Freshness, head: Head) -> None:
    position: float
    lag: float | None
    try:
        position, lag = freshness.now()
        known = head.last_known()
    except Problem:
        position, lag, known = nan, None, None
    registry.set(READS_POSITION, position)
    registry.set(READS_LAG, nan if lag is None else lag)
    registry.set(READS_HEAD, known.position if known else nan)
