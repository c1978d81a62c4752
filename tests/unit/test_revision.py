"""`REVISION` says which code made the read tables. It stands for these sources, as they are."""

from hashlib import sha256
from pathlib import Path

import shared.order_document
from projector import tables
from shared.order_document import REVISION

PINNED = {3: "9d75acb16df1854c"}
"""Revision → digest of the sources."""

ADVICE = """
The code behind the read tables has changed: its digest is now {digest!r}.

- Could any row of any read table, or a byte of a document, come out differently (or has the DDL changed)?
  Raise `REVISION` in shared/order_document.py and pin the digest for the new number in tests/unit/test_revision.py.
  Services then refuse tables of the old revision, until `daybook rebuild` has made new ones.
- Only comments, names or speed? Pin the new digest for the present number.
"""


def sources() -> list[Path]:
    shared_folder, tables_folder = Path(shared.order_document.__file__).parent, Path(tables.__file__).parent
    return sorted(
        [
            *shared_folder.glob("order_document*.py"),
            shared_folder / "money.py",
            *tables_folder.glob("*.py"),
            *tables_folder.glob("*.sql"),
        ],
        key=lambda path: path.name,
    )


def test_the_revision_stands_for_the_sources_as_they_are():
    digest = sha256()
    for path in sources():
        content = path.read_bytes()
        digest.update(f"{path.parent.name}/{path.name} {len(content)}\n".encode() + content)
    assert PINNED.get(REVISION) == digest.hexdigest()[:16], ADVICE.format(digest=digest.hexdigest()[:16])


def test_all_of_them_are_found():
    names = {path.name for path in sources()}
    assert {"order_document.py", "order_document_labels.py", "money.py", "sales_daily.py", "order_list.sql"} <= names
    assert {f"{table}.sql" for table in tables.TABLES} <= names
