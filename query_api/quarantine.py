"""What answers say of an order in quarantine: it stands still since an event that could not be posted.

Its document is served as it last was, marked by `Quarantined: position=n`. An erasure blanks it without a new version,
so its ETag names its bytes, too; one that failed at its very first event has no document, and is not unknown either.
"""

from hashlib import sha256

from query_api.freshness import Headers
from query_api.question import Question
from shared.order_document import REVISION
from shared.problems import Problem


def etag(version: int, document: bytes, quarantined: int | None, *parts: str) -> str:
    """Make the ETag of an order's document, or of parts of it; the version stands before the first dot."""
    names = [str(version), str(REVISION), *parts]
    if quarantined is not None:
        names.append(sha256(document).hexdigest()[:12])
    return f'"{".".join(names)}"'


def mark(quarantined: int | None) -> Headers:
    """Say since which position an order stands still, if it does."""
    return [] if quarantined is None else [("Quarantined", f"position={quarantined}")]


def missing_order(question: Question, position: int, quarantined: int | None, detail: str) -> Problem:
    """Make the answer for an order without a document: there is none, or it could not be posted at all."""
    if quarantined is None:
        return question.not_found(position, "order_not_found", detail)
    problem = question.not_found(
        position,
        "order_quarantined",
        f"There is such an order, but its event at position {quarantined} could not be posted, nor any after it.",
    )
    problem.headers |= dict(mark(quarantined))
    return problem
