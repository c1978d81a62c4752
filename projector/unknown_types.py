"""Events of types that this code does not know: they stop nothing, but are not passed over in silence."""

import logging
from collections import Counter
from collections.abc import Sequence

log = logging.getLogger(__name__)


class UnknownTypes:
    """How many there were of each type since the process was started."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def tell(self, types: Sequence[str]) -> None:
        """Log those of one batch, one entry of `types` for each event."""
        self._counts.update(types)
        for type_ in sorted(set(types)):
            log.warning(
                "posted no more than a line of the timeline for %d events of the unknown type %s (%d since the start): "
                "newer code wrote them, deploy it here too",
                types.count(type_),
                type_,
                self._counts[type_],
            )
