"""I42-I45 over HTTP: what reports, work lists and timelines say of random histories, held against the orders' own answers."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from shared.events import EVENTS
from shared.order_document import decode
from tests.support.posting import append, order_command, raw_command
from tests.support.random_histories import histories
from tests.support.reading import open_shop, walked

NUMBERS = count(1)
OF_SALES = ("net_sales_amount", "tax_amount", "shipping_amount", "adjustment_amount")
EXAMPLES = 6


def lived(shop, events) -> UUID:
    """Append a history under an id, a number and an external id of its own."""
    order_id, number = uuid4(), next(NUMBERS)
    for version, event in enumerate(events):
        if event.event is None:  # of a type that this code does not know
            data = bytes(event.envelope.data).decode()
            append(shop.databases, raw_command(order_id, version, event.type, data, event.schema_version))
            continue
        said = msgspec.json.encode(event.event).decode().replace(str(event.stream_id), str(order_id))
        fields = msgspec.json.decode(said)
        for name, value in (("number", f"N-{number}"), ("external_id", f"x-{number}")):
            if fields.get(name):
                fields[name] = value
        happened = msgspec.convert(fields, type(event.event))
        append(shop.databases, order_command(order_id, version, happened, occurred_at=event.envelope.occurred_at))
    return order_id


def spans(first, last):
    """Stretches of 400 days that cover the days between."""
    while first <= last:
        yield first, (first := first + timedelta(days=400))


def total(shop, report, currency, sums):
    """Sums of a report over all days there are."""
    found = Counter()
    first, last = shop.admin.execute(f"SELECT min(day), max(day) FROM reads.{report}_daily").fetchone()
    path = {"sales": "/v1/reports/sales", "product_sales": "/v1/reports/products"}[report]
    for start, end in spans(first, last) if first else ():
        for page in walked_or_one(shop, f"{path}?from={start}&to={end}&currency={currency}", report):
            rows = [page["totals"]] if "totals" in page else page["rows"]
            for row in rows:
                found.update({name: row[name] for name in sums})
    return found


def walked_or_one(shop, path, report):
    return [shop.get(path).json] if report == "sales" else walked(shop, f"{path}&limit=1")


def credits_of(document) -> int:
    return sum(refund.credit_amount for refund in document.refunds if refund.state != "failed")


@pytest.fixture
def told(migrated):
    """A shop that grows from example to example, and how many events each of its orders has."""
    with open_shop(migrated) as shop:
        yield shop, {}


@given(st.lists(histories(), min_size=1, max_size=4))
@hypothesis(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_told_of_all_orders_is_what_each_one_tells(told, orders):
    shop, lengths = told
    for events in orders:
        lengths[str(lived(shop, events))] = len(events)
    shop.post()
    documents = {order_id: decode(shop.get(f"/v1/orders/{order_id}").data) for order_id in lengths}

    # I42: a timeline has every event, the customers' view none that is internal.
    for order_id, length in lengths.items():
        items = shop.get(f"/v1/orders/{order_id}/timeline?limit=200").json["items"]
        assert [item["version"] for item in items] == list(range(1, length + 1))
        shown = shop.get(f"/v1/orders/{order_id}/timeline?limit=200&visibility=customer").json["items"]
        assert shown == [item for item in items if may_be_shown(item)]

    # I43, per currency; products book what sales book.
    for currency in ("EUR", "GBP"):
        placed = [one for one in documents.values() if one.placed_at and one.currency == currency]
        worth = sum(one.totals.grand_total_amount - credits_of(one) for one in placed)
        sales = total(shop, "sales", currency, (*OF_SALES, "units_placed", "gross_amount", "discount_amount"))
        assert sum(sales[name] for name in OF_SALES) == worth
        products = total(shop, "product_sales", currency, ("units_placed", "gross_amount", "discount_amount"))
        assert {name: sales[name] for name in products} == dict(products)

    # I44: customers' orders are the orders with a customer.
    customers = [item for page in walked(shop, "/v1/customers?limit=1") for item in page["items"]]
    counted = Counter(one.customer.customer_id for one in documents.values() if one.customer.customer_id and one.placed_at)
    assert {one["customer_id"]: one["order_count"] for one in customers if one["order_count"]} == counted
    for customer in customers:
        listed = [item for page in walked(shop, f"/v1/customers/{customer['customer_id']}/orders?limit=3") for item in page["items"]]
        assert sum(item["placed_at"] is not None for item in listed) == customer["order_count"]

    # I45: the queue is what is confirmed and has open units to ship.
    waiting = {
        order_id
        for order_id, one in documents.items()
        if one.status == "confirmed" and one.units.open and one.requires_shipping
    }
    queue = [item for page in walked(shop, "/v1/fulfillment-queue?limit=2") for item in page["items"]]
    assert sorted(item["order_id"] for item in queue) == sorted(waiting)
    for item in queue:
        assert (item["version"], item["units_open"]) == (documents[item["order_id"]].version, documents[item["order_id"]].units.open)

    # What staff should look at is what the orders say, and authorizations about to expire.
    needs = [item for page in walked(shop, "/v1/attention?limit=2") for item in page["items"]]
    now = datetime.now(UTC).isoformat()
    said = {(order_id, one.kind) for order_id, document in documents.items() for one in document.attention if one.since <= now}
    assert {(item["order_id"], item["kind"]) for item in needs if item["kind"] != "authorization_expiring"} == said
    assert len(needs) == len({(item["order_id"], item["kind"]) for item in needs})


def may_be_shown(item) -> bool:
    if item["type"] == "order.note_added":
        return item["changes"].get("visibility") == "customer"
    return item["type"] in EVENTS.keys() - {"order.tags_changed", "order.metadata_changed"}
