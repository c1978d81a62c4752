"""The operator's commands about one order or one customer: `daybook order …`, `daybook customer …`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import click

from shared.environment import Databases, Place, place_options

if TYPE_CHECKING:  # only a command that runs needs a database
    from shared.database import Connection

version_option = click.option(
    "--version",
    envvar="DAYBOOK_ORDER_VERSION",
    show_envvar=True,
    type=click.IntRange(1),
    help="Up to this version; left out, up to the last.",
)


@click.group()
def order() -> None:
    """Look at an order in the log, or erase its personal data."""


@click.group()
def customer() -> None:
    """Erase a customer's personal data."""


@order.command()
@click.argument("order_id", metavar="ID")
@version_option
@place_options
def show(place: Place, order_id: str, version: int | None) -> None:
    """Print the order as the log has it, as JSON; ID is its id or its number.

    Names and addresses are those that the vault has now, also of an earlier version.
    """
    import msgspec  # noqa: PLC0415 -- with a database only, as below

    from shared import event_log, order_document  # noqa: PLC0415
    from shared.recorded_event import UnknownSchemaVersion  # noqa: PLC0415

    with _log(place) as (databases, connection):
        book = databases.book
        document = None
        try:
            events = event_log.read_stream(connection, book, _found(connection, databases, order_id, version))
            refs = {ref for event in events for ref in order_document.contact_refs(event)}
            contacts = event_log.contacts(connection, book, refs)
            for event in events[:version]:
                document = order_document.fold(document, event, contacts)
        except (UnknownSchemaVersion, order_document.Unfoldable) as error:
            raise click.ClickException(str(error)) from error
    if document is None:
        raise click.ClickException(f"{order_id} is no order's stream: `daybook order events` shows what it is")
    click.echo(msgspec.json.format(order_document.encode(document)).decode())


@order.command()
@click.argument("order_id", metavar="ID")
@version_option
@place_options
def events(place: Place, order_id: str, version: int | None) -> None:
    """Print the order's events as they stand in the log, one JSON object a line; ID is its id or its number."""
    from shared import export  # noqa: PLC0415 -- with a database only

    with _log(place) as (databases, connection):
        stream = _found(connection, databases, order_id, version)
        for line in export.of_stream(connection, databases.book, stream, version):
            click.echo(line)


@order.command("erase")
@click.argument("order_id", metavar="[ID]", required=False)
@click.option(
    "--email",
    envvar="DAYBOOK_ERASE_EMAIL",
    show_envvar=True,
    help="Instead of an ID: all orders that have, or once had, this e-mail address.",
)
@place_options
def erase_order(place: Place, order_id: str | None, email: str | None) -> None:
    """Erase the personal data of an order for good: names, addresses, e-mail, phone, notes. Amounts stay.

    ID is the order's id or its number. Repeating it is harmless. The tables kept from before a rebuild are dropped;
    backups made before keep what they have.
    """
    from shared import erasure  # noqa: PLC0415 -- with a database only

    if (order_id is None) == (email is None):
        raise click.UsageError("expected the ID of an order or --email, one of them")
    with _log(place) as (databases, connection):
        if email is not None:
            orders = erasure.orders_with_email(connection, databases.book, email)
            what = f"orders of {email}"
            if not orders:
                click.echo(f"no order in the vault has the e-mail address {email}: never there, or already erased")
        else:
            orders = [_found(connection, databases, order_id or "", None)]
            what = f"order {order_id}"
        if orders:
            _erase(databases, connection, what, orders)
        _drop_retained(databases)


@customer.command("erase")
@click.argument("customer_id", metavar="ID")
@place_options
def erase_customer(place: Place, customer_id: str) -> None:
    """Erase the personal data of a customer for good, in all their orders. Amounts stay.

    ID is the customer_id in the orders; it stays, and so should tell nobody who it is. Repeating it is harmless. The
    tables kept from before a rebuild are dropped; backups made before keep what they have.
    """
    from shared import erasure  # noqa: PLC0415 -- with a database only

    with _log(place) as (databases, connection):
        orders = erasure.orders_of_customer(connection, databases.book, customer_id)
        if not orders:
            raise click.ClickException(f"no order of a customer {customer_id} is in the log; nothing was erased")
        _erase(databases, connection, f"customer {customer_id}", orders, customer_id)
        _drop_retained(databases)


def _erase(
    databases: Databases, connection: "Connection", what: str, orders: list[UUID], customer_id: str | None = None
) -> None:
    from shared import erasure  # noqa: PLC0415
    from shared.events import Actor  # noqa: PLC0415

    actor = Actor("system", "daybook customer erase" if customer_id is not None else "daybook order erase")
    done = erasure.erase(connection, databases.book, orders, actor, customer_id)
    if done.position is None:
        click.echo(f"{what}: already erased")
        return
    click.echo(
        f"{what}: erased {done.rows} entries of the vault in {done.orders} orders; "
        f"the read tables blank their copies with position {done.position}"
    )


def _drop_retained(databases: Databases) -> None:
    """Whole copies of the read tables that nobody keeps up to date go too."""
    from shared.database import connect  # noqa: PLC0415
    from shared.retained import drop_retained  # noqa: PLC0415

    role = databases.book.names["projector_role"]
    with connect(databases.reads_url, role, "daybook erase") as connection:
        dropped, rebuilding = drop_retained(connection, databases.book)
    for schema in dropped:
        click.echo(f"dropped {schema}, which held copies: there is no going back to it")
    if rebuilding:
        click.echo("a rebuild or verification is under way and may retain copies: run this again when it has ended")


@contextmanager
def _log(place: Place) -> "Iterator[tuple[Databases, Connection]]":
    """The log's database, open for an administrator."""
    from shared.database import connect  # noqa: PLC0415
    from shared.migrate import check  # noqa: PLC0415

    with place.open() as databases:
        check(databases.events_url, databases.book, "events")
        with connect(databases.events_url, databases.book.names["admin_role"], "daybook order") as connection:
            yield databases, connection


FIND = "SELECT coalesce(max(version), 0) FROM {events}.event WHERE stream_id = %s"
FIND_NUMBER = "SELECT stream_id FROM {events}.claim WHERE key = %s"


def _found(connection: "Connection", databases: Databases, order_id: str, version: int | None) -> UUID:
    """The stream of an order named by id or number; it must have come to `version`."""
    try:
        stream = UUID(order_id)
    except ValueError:
        row = connection.execute(databases.book.sql(FIND_NUMBER), [f"number:{order_id}"]).fetchone()
        if row is None:
            raise click.ClickException(f"no order has the id or the number {order_id}") from None
        stream = row[0]
    row = connection.execute(databases.book.sql(FIND), [stream]).fetchone()
    last = row[0] if row else 0
    if not last:
        raise click.ClickException(f"no order {order_id} is in the log")
    if version is not None and version > last:
        raise click.ClickException(f"order {order_id} is at version {last}; there is no version {version} yet")
    return stream
