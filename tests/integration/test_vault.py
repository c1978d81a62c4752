"""Personal data is in the contact vault and in what is read from it, never in the log; blanked, it stays gone."""

import random

import pytest

from command_api.app import opened
from command_api.demo import invent
from command_api.settings import Settings
from projector.rebuilding.building import Work
from projector.rebuilding.progress import Silent
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from shared import auth
from shared.database import connect
from tests.support.command_api import ORDER, SECRET, Api
from tests.support.orders import handling

PERSON = {"customer_id": "c-9", "email": "lovelace@example.org", "name": "Lovelace Byron", "phone": "+44 20 7946 0958"}
ADDRESS = {"name": "Augusta King", "line1": "12 St James Square", "city": "Marylebone", "postal_code": "SW1Y 4LB"}
SECRETS = [PERSON["email"], PERSON["name"], PERSON["phone"], *ADDRESS.values()]

TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('events', 'reads', 'reads_old', 'projector')"


@pytest.fixture
def order_id(migrated):
    settings = Settings(
        book=migrated.book, events_url=migrated.events_url, verify=auth.shared_secret(SECRET), connections=4, deadline=60.0
    )
    with opened(settings) as app:
        order = ORDER | {"customer": PERSON, "shipping_address": ADDRESS | {"country": "GB"}}
        answer = Api(app.test_client()).post("/v1/orders", order, Idempotency_Key="k")
        assert answer.status_code == 201, answer.text
    return answer.json["order_id"]


def where(connection, text):
    """The tables in whose rows `text` stands."""
    return {
        f"{schema}.{table}"
        for schema, table in connection.execute(TABLES).fetchall()
        if connection.execute(
            f"SELECT count(*) FROM {schema}.{table} AS t WHERE position(%s IN t::text) > 0", [text]
        ).fetchone()[0]
    }


@pytest.mark.parametrize("secret", SECRETS)
def test_no_personal_text_stands_in_the_log_or_in_a_stored_answer(migrated, order_id, secret):
    with connect(migrated.events_url) as admin:
        assert where(admin, secret) == {"events.contact"}
    run_once(migrated)
    with connect(migrated.events_url) as admin:
        found = where(admin, secret)
        assert "reads.order_detail" in found
        assert not found & {"events.event", "events.answer", "events.claim", "reads.order_timeline"}


def test_what_is_blanked_in_the_vault_is_not_brought_back_by_a_rebuild(migrated, order_id):
    run_once(migrated)
    with connect(migrated.events_url) as admin:
        before = admin.execute("SELECT grand_total_amount FROM reads.order_list").fetchone()
        admin.execute("UPDATE events.contact SET payload = '{}', erased_at = now()")
        rebuild(Work(migrated, "UTC", 1, Silent()))
        admin.execute("DROP SCHEMA reads_old CASCADE")
        assert {table for secret in SECRETS for table in where(admin, secret)} == set()
        assert admin.execute("SELECT grand_total_amount FROM reads.order_list").fetchone() == before


def test_300_invented_orders_leave_no_name_or_address_in_the_log(migrated):
    worker = handling(migrated)
    invent(worker, 300, random.Random(7))
    worker.store.close()
    with connect(migrated.events_url) as admin:
        for secret in ("@example.org", "Weg ", "Delft", "Graz"):
            assert where(admin, secret) == {"events.contact"}, secret
