"""What msgspec knows of a struct, found out by one thread at a time.

It is found out when the struct is first read, and is there for other threads before it is complete: one that reads the
same struct meanwhile follows a null pointer, and its whole process dies (msgspec 0.22; tried). So a struct is read by
a `Decoder` that is made when its module is imported, or it is made known first.
"""

from threading import Lock

import msgspec

_known: set[type] = set()
_finding_out = Lock()


def make_known(type_: type) -> None:
    """Return when everything is known of a struct, and of what it is made of: from then on all threads may read it."""
    if type_ not in _known:
        with _finding_out:
            msgspec.json.Decoder(type_)
            _known.add(type_)
