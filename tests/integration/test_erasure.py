"""Erasing: no byte of the erased text stays anywhere, amounts do, and nothing brings it back."""

import threading
from uuid import UUID, uuid4

import pytest

from projector.rebuilding.building import Work
from projector.rebuilding.progress import Silent
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.append_command import Contact
from shared.audit import audit
from shared.database import connect
from shared.erasure import erase, orders_of_customer, orders_with_email
from shared.events import Actor, NoteAdded, customer_stream
from tests.integration.test_cli import run
from tests.support.orders import confirm, creation, handling, pay
from tests.support.posting import append, ask, order_command

OPERATOR = Actor("user", "ann")
PERSON = '{"email":"Lovelace@example.org","name":"Lovelace Byron","phone":"+44 20 7946 0958"}'
ADDRESS = '{"name":"Augusta King","line1":"12 St James Square","city":"Marylebone","country":"GB"}'
BILLED = '{"name":"William King","line1":"Ockham Park","city":"Surrey","country":"GB"}'
NOTE = '{"body":"rings at midnight"}'
SECRETS = ("ovelace@example.org", "Lovelace", "+44 20 7946", "Augusta", "St James", "Marylebone", "William", "Ockham", "midnight")


@pytest.fixture
def worker(migrated):
    worker = handling(migrated)
    yield worker
    worker.store.close()


def new_order(worker, customer_id="c-9", person=PERSON, **fields) -> UUID:
    refs = {name: uuid4() for name in ("contact", "shipping_address", "billing_address")}
    request = creation(
        worker.store, key=f"{uuid4()}", customer_id=customer_id, **{f"{name}_ref": f"{ref}" for name, ref in refs.items()}, has_email=True, **fields
    )
    payloads = {"contact": person, "shipping_address": ADDRESS, "billing_address": BILLED}
    contacts = [
        Contact(ref=ref, order_id=request.order_id, customer_id=customer_id, kind=name.rpartition("_")[2], payload=payloads[name])
        for name, ref in refs.items()
    ]
    worker.handle(type(request)(**{name: getattr(request, name) for name in request.__struct_fields__} | {"contacts": contacts}))
    return request.order_id


def add_note(databases, order_id: UUID, version: int) -> None:
    """As the command does, which knows nothing of the customer."""
    ref = uuid4()
    row = Contact(ref=ref, order_id=order_id, customer_id=None, kind="note", payload=NOTE)
    added = order_command(order_id, version, NoteAdded(note_id="N1", note_ref=str(ref)))
    append(databases, type(added)(id=added.id, expected=added.expected, events=added.events, contacts=[row]))


def admin(databases):
    return connect(databases.events_url, databases.book.names["admin_role"])


def told(databases):
    """The erasures in the log: type, stream, data."""
    with connect(databases.events_url) as connection:
        return connection.execute(
            "SELECT type, stream_id, state::json ->> 'data' FROM events.event WHERE type LIKE '%.erased' ORDER BY position"
        ).fetchall()


TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname ~ '^(events|reads|projector)'"


def tables_with_secrets(databases):
    """The tables in whose rows any of the texts stands."""
    with connect(databases.events_url) as connection:
        return {
            f"{schema}.{table}"
            for schema, table in connection.execute(TABLES).fetchall()
            for secret in SECRETS
            if connection.execute(
                f"SELECT EXISTS (SELECT FROM {schema}.{table} AS t WHERE position(%s IN t::text) > 0)", [secret]
            ).fetchone()[0]
        }


def test_a_customer_is_erased_in_all_their_orders(migrated, worker):
    first, second, other = new_order(worker), new_order(worker), new_order(worker, "c-10", '{"email":"x@example.org"}')
    add_note(migrated, first, 2)
    with admin(migrated) as connection:
        orders = orders_of_customer(connection, migrated.book, "c-9")
        assert set(orders) == {first, second}
        done = erase(connection, migrated.book, orders, OPERATOR, "c-9")
        assert done == (7, 2, 10)
        fields = '["contact","shipping_address","billing_address"%s]'
        assert set(told(migrated)) == {
            ("order.erased", first, '{"fields":' + fields % ',"notes"' + "}"),
            ("order.erased", second, '{"fields":' + fields % "" + "}"),
            ("customer.erased", customer_stream("c-9"), '{"customer_id":"c-9"}'),
        }
        assert connection.execute(
            "SELECT DISTINCT order_id, payload FROM events.contact WHERE erased_at IS NULL AND kind = 'contact'"
        ).fetchall() == [(other, '{"email":"x@example.org"}')]
        assert connection.execute("SELECT count(*) FROM events.contact WHERE (payload = '{}') <> (erased_at IS NOT NULL)").fetchone() == (0,)
        assert audit(connection, migrated.book).findings == []
        assert set(orders_of_customer(connection, migrated.book, "c-9")) == {first, second}


def test_an_order_goes_on_after_its_erasure_also_where_it_is_cached(migrated, worker):
    order = new_order(worker)
    with admin(migrated) as connection:
        erase(connection, migrated.book, [order], OPERATOR)
    assert worker.handle(confirm(order)).etag == '"4"'
    elsewhere = handling(migrated)
    assert elsewhere.handle(pay(order, "p", 6422)).etag == '"5"'
    elsewhere.store.close()


def test_erasing_again_does_nothing_and_what_came_since_is_erased_by_it(migrated, worker):
    new_order(worker)
    with admin(migrated) as connection:
        def again():
            return erase(connection, migrated.book, orders_of_customer(connection, migrated.book, "c-9"), OPERATOR, "c-9")

        assert again().rows == 3
        events = told(migrated)
        assert again() == again() == (0, 0, None)
        assert told(migrated) == events
        new_order(worker)
        assert again()[:2] == (3, 1)
    assert [type_ for type_, *_ in told(migrated)].count("customer.erased") == 2


def test_a_customer_without_personal_data_is_erased_all_the_same(migrated, worker):
    worker.handle(creation(worker.store, customer_id="c-9", shipping_address_ref=None, requires_shipping=False))
    with admin(migrated) as connection:
        orders = orders_of_customer(connection, migrated.book, "c-9")
        assert erase(connection, migrated.book, orders, OPERATOR, "c-9") == (0, 0, 3)
        assert erase(connection, migrated.book, orders, OPERATOR, "c-9") == (0, 0, None)
    assert [type_ for type_, *_ in told(migrated)] == ["customer.erased"]


def test_an_id_that_is_part_of_another_or_stands_elsewhere_is_not_the_customer(migrated, worker):
    new_order(worker, "c-99")
    new_order(worker, "c-1", channel="c-9")
    with admin(migrated) as connection:
        assert orders_of_customer(connection, migrated.book, "c-9") == []


def test_orders_are_found_by_any_email_they_had(migrated, worker):
    guest = new_order(worker, None)
    new_order(worker, None, '{"email":"x@example.org"}')
    with admin(migrated) as connection:
        assert orders_with_email(connection, migrated.book, "lovelace@EXAMPLE.org") == [guest]
        assert erase(connection, migrated.book, [guest], OPERATOR).rows == 3
        assert orders_with_email(connection, migrated.book, "lovelace@example.org") == []


def test_only_the_administrator_can_erase(migrated, worker):
    import psycopg  # noqa: PLC0415

    order = new_order(worker)
    for role in ("command_role", "projector_role", "query_role"):
        with connect(migrated.events_url, migrated.book.names[role]) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            erase(connection, migrated.book, [order], OPERATOR)


def test_the_vault_stays_as_it_is_when_the_log_cannot_be_told(migrated, worker, monkeypatch):
    order = new_order(worker)
    monkeypatch.setattr("shared.erasure.VERSIONS", "SELECT stream_id, 7 FROM {events}.event WHERE stream_id = ANY(%s)")
    with admin(migrated) as connection:
        with pytest.raises(RuntimeError, match="nothing was erased"):
            erase(connection, migrated.book, [order], OPERATOR)
        assert connection.execute("SELECT count(*) FROM events.contact WHERE erased_at IS NOT NULL").fetchone() == (0,)
    assert told(migrated) == []


def test_commands_under_way_wait_for_the_gate_and_come_behind(migrated, worker):
    """Orders of the customer that arrive meanwhile are whole: erased with the rest, or not at all."""
    new_order(worker)
    started = threading.Event()

    def keep_ordering():
        for _ in range(10):
            new_order(worker)
            started.set()

    thread = threading.Thread(target=keep_ordering)
    thread.start()
    assert started.wait(90)
    with admin(migrated) as connection:
        for _ in range(5):
            erase(connection, migrated.book, orders_of_customer(connection, migrated.book, "c-9"), OPERATOR, "c-9")
        thread.join()
        mixed = "SELECT count(DISTINCT erased_at IS NULL) FROM events.contact GROUP BY order_id"
        assert set(connection.execute(mixed).fetchall()) == {(1,)}
        assert audit(connection, migrated.book).findings == []


def test_readers_are_woken(migrated, worker):
    with connect(migrated.events_url) as listener, admin(migrated) as connection:
        listener.execute(f"LISTEN {migrated.book.names['appended']}")
        order = new_order(worker)
        assert len(list(listener.notifies(timeout=90, stop_after=1))) == 1, "of the order"
        erase(connection, migrated.book, [order], OPERATOR)
        assert len(list(listener.notifies(timeout=90, stop_after=1))) == 1


def test_no_byte_of_the_erased_stays_and_a_rebuild_does_not_bring_it_back(migrated, worker):
    order = new_order(worker)
    add_note(migrated, order, 2)
    run_once(migrated)
    rebuild(Work(migrated, "UTC", 1, Silent()))
    before = ask(migrated, "SELECT grand_total_amount FROM {reads}.order_list")
    assert {"events.contact", "reads.order_detail", "reads_old.order_detail"} <= tables_with_secrets(migrated)
    url = {"DAYBOOK_DATABASE_URL": migrated.events_url}
    said = run("customer", "erase", "c-9", **url).stdout
    assert "customer c-9: erased 4 entries of the vault in 1 orders" in said
    assert "dropped reads_old" in said
    run_once(migrated)
    assert tables_with_secrets(migrated) == set()
    assert run("customer", "erase", "c-9", **url).stdout == "customer c-9: already erased\n"
    rebuild(Work(migrated, "UTC", 1, Silent()))
    assert tables_with_secrets(migrated) == set()
    assert ask(migrated, "SELECT grand_total_amount FROM {reads}.order_list") == before
    assert not any(secret in run("order", "show", str(order), **url).stdout for secret in SECRETS)
    assert not any(secret in run("export", **url).stdout for secret in SECRETS)


@pytest.mark.parametrize("posted_before", [True, False])
def test_however_far_the_projector_was_the_tables_come_to_the_same(migrated, worker, posted_before):
    new_order(worker)
    new_order(worker, "c-10", '{"email":"x@example.org"}')
    if posted_before:
        run_once(migrated)
    with admin(migrated) as connection:
        erase(connection, migrated.book, orders_of_customer(connection, migrated.book, "c-9"), OPERATOR, "c-9")
    new_order(worker, person='{"email":"new@example.org"}')
    run_once(migrated)
    assert verify(Work(migrated, "UTC", 1, Silent())).comparison.rows == {}
    assert ask(migrated, "SELECT string_agg(email, ',' ORDER BY email) FROM {reads}.order_list") == "new@example.org,x@example.org"


def test_a_rebuild_retains_no_tables_that_have_not_heard_of_an_erasure(migrated, worker):
    order = new_order(worker)
    run_once(migrated)
    with admin(migrated) as connection:
        erase(connection, migrated.book, [order], OPERATOR)
    rebuild(Work(migrated, "UTC", 1, Silent()))
    assert tables_with_secrets(migrated) == set()
    assert ask(migrated, "SELECT to_regnamespace('reads_old')") is None
    rebuild(Work(migrated, "UTC", 1, Silent()))
    assert ask(migrated, "SELECT to_regnamespace('reads_old')") is not None


def test_orders_are_erased_by_id_number_or_email_from_the_command_line(migrated, worker):
    url = {"DAYBOOK_DATABASE_URL": migrated.events_url}
    first, second, third, fourth = (new_order(worker, None, number=number) for number in ("A-1", "A-2", "A-3", "A-4"))
    assert f"order {first}: erased 3 entries of the vault in 1 orders" in run("order", "erase", str(first), **url).stdout
    assert f"order {first}: already erased\n" == run("order", "erase", str(first), **url).stdout
    assert "erased 3 entries" in run("order", "erase", "A-2", **url).stdout
    by_email = run("order", "erase", "--email", "lovelace@example.org", **url).stdout
    assert "erased 6 entries of the vault in 2 orders" in by_email
    assert "no order in the vault has the e-mail" in run("order", "erase", "--email", "lovelace@example.org", **url).stdout
    assert {stream for _, stream, _ in told(migrated)} == {first, second, third, fourth}
    assert tables_with_secrets(migrated) == set()


def test_what_is_not_there_cannot_be_erased(migrated):
    url = {"DAYBOOK_DATABASE_URL": migrated.events_url}
    assert "no order of a customer c-9 is in the log" in run("customer", "erase", "c-9", code=1, **url).stderr
    assert "is in the log" in run("order", "erase", str(uuid4()), code=1, **url).stderr
    assert "no order has the id or the number A-1" in run("order", "erase", "A-1", code=1, **url).stderr
    assert "one of them" in run("order", "erase", code=2, **url).stderr
    assert "one of them" in run("order", "erase", "A-1", "--email", "x@example.org", code=2, **url).stderr


def test_what_a_killed_rebuild_left_behind_goes_too(migrated, worker):
    new_order(worker, number="A-1")
    with connect(migrated.reads_url, migrated.book.names["projector_role"]) as killed:
        killed.execute("CREATE SCHEMA reads_next")
        killed.execute(f"CREATE TABLE reads_next.order_detail AS SELECT '{PERSON}' AS doc")
    said = run("order", "erase", "A-1", DAYBOOK_DATABASE_URL=migrated.events_url).stdout
    assert "dropped reads_next" in said
    assert tables_with_secrets(migrated) == set()


def test_while_a_rebuild_is_under_way_it_is_said_that_it_may_retain_copies(migrated, worker):
    new_order(worker, number="A-1")
    with connect(migrated.reads_url, migrated.book.names["projector_role"]) as rebuilding:
        rebuilding.execute("SELECT pg_advisory_lock(hashtextextended('daybook rebuild of reads', 0))")
        said = run("order", "erase", "A-1", DAYBOOK_DATABASE_URL=migrated.events_url).stdout
    assert "run this again when it has ended" in said
