"""The metrics of one process as Prometheus reads them; of several worker processes together, through a directory.

With a directory each process writes files of its own there, and whichever is asked adds up those of all: the files of
a process that has died still count, but for its gauges (`shared.metric_files`).
"""

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, values
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from shared.metric_files import DIRECTORY_VARIABLE
from shared.metric_list import BUILD, METRICS, Labels, Metric
from shared.metrics import Note, Sampled
from shared.order_document import REVISION


class _Histogram(Histogram):
    """A histogram that takes many observations at once."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """Add so many observations to each bucket, which come to `total`."""
        self._sum.inc(total)
        for bucket, times in zip(self._buckets, counts, strict=True):
            if times:
                bucket.inc(times)


class Registry:
    """What a part (`metric_list.ALL`) exposes. In a worker process: made after the fork, over the common directory."""

    def __init__(self, part: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # half of the library has no types
        directory = os.environ.get(DIRECTORY_VARIABLE)
        if directory:  # the library decides that when it is first imported, which may have been before the fork
            values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]  # likewise
        own = CollectorRegistry()
        self._made = {name: _made(metric, own) for name, metric in METRICS.items() if part in metric.at}
        for name in self._made:
            for labels in METRICS[name].begins:
                self._child(METRICS[name], labels)
        self._shown = own
        if directory:
            self._shown = CollectorRegistry()
            MultiProcessCollector(self._shown, directory)  # type: ignore[no-untyped-call]  # likewise
        if BUILD.name in self._made:
            self.set(BUILD, 1, (version("daybook"), str(REVISION)))

    def take(self, notes: Iterable[Note]) -> None:
        """Add up notes; those of metrics that this part does not expose are dropped."""
        counted: defaultdict[tuple[str, Labels], float] = defaultdict(float)
        observed: dict[tuple[str, Labels], list[int]] = {}
        for metric, labels, seen, times in notes:
            key = metric.name, labels
            if metric.buckets:
                counts = observed.get(key)
                if counts is None:
                    counts = observed[key] = [0] * (len(metric.buckets) + 1)
                for value in seen:
                    counts[bisect_left(metric.buckets, value)] += times
            counted[key] += sum(seen) * times
        for (name, labels), total in counted.items():
            if name in self._made:
                child = self._child(METRICS[name], labels)
                if isinstance(child, _Histogram):
                    child.add(observed[name, labels], total)
                elif isinstance(child, Counter):
                    child.inc(total)

    def read(self, sampled: Iterable[Sampled]) -> None:
        """Set the gauges that are read now and then."""
        for metric, labels, read in sampled:
            self.set(metric, read(), labels)

    def set(self, metric: Metric, value: float, labels: Labels = ()) -> None:
        """Set a gauge, if this part exposes it."""
        if metric.name in self._made:
            child = self._child(metric, labels)
            if isinstance(child, Gauge):
                child.set(value)

    def shown(self) -> bytes:
        """Render all metrics, those of the other workers included."""
        return generate_latest(self._shown)

    def _child(self, metric: Metric, labels: Labels) -> Counter | Gauge | _Histogram:
        made = self._made[metric.name]
        return made.labels(*labels) if metric.labels else made


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | _Histogram:
    if metric.kind == "counter":
        return Counter(metric.name, metric.says, metric.labels, registry=registry)
    if metric.kind == "histogram":
        return _Histogram(metric.name, metric.says, metric.labels, registry=registry, buckets=metric.buckets)
    return Gauge(metric.name, metric.says, metric.labels, registry=registry, multiprocess_mode=metric.across)
