"""The examples of the query API's document are answers of a real run, and still what it answers.

With `DAYBOOK_WRITE_EXAMPLES=1` they are written anew.
"""

import json
import os
from pathlib import Path

import msgspec

from query_api.document import EXAMPLES
from tests.support.orders import capture, confirm, pay, prepare
from tests.support.reading import open_shop

WRITE = bool(os.environ.get("DAYBOOK_WRITE_EXAMPLES"))
FILE = Path(__file__).parents[2] / "query_api" / "examples.json"
JSON, CSV, STREAM = "application/json", "text/csv", "text/event-stream"


def told(shop):
    """Two orders: one on its way, one that waits for its money."""
    first = shop.place(customer_id="c-1", channel="web", external_id="shop-77")
    for command in (
        confirm(first),
        pay(first, "pi_1", 7000),
        capture(first, "pi_1", "ch_1", 7000),
        prepare(first, 2),
    ):
        shop.writing.handle(command)
    second = shop.place(customer_id="c-1", channel="web", external_id="shop-78")
    shop.writing.handle(confirm(second))
    shop.post()
    number = shop.get(f"/v1/orders/{first}").json["number"]
    return {
        "showOrder": f"/v1/orders/{first}",
        "showOrderByNumber": f"/v1/orders/by-number/{number}?include=lines",
        "showOrderByExternalId": "/v1/orders/by-external-id/web/shop-77?include=payments",
        "listTimeline": f"/v1/orders/{first}/timeline?limit=2",
        "listOrderEvents": f"/v1/orders/{first}/events?limit=1",
        "listOrders": "/v1/orders?limit=1&with_total=true",
        "listOrdersOfCustomer": "/v1/customers/c-1/orders?limit=1",
        "listCustomers": "/v1/customers?limit=1",
        "showOneCustomer": "/v1/customers/c-1",
        "listEvents": "/v1/events?limit=1",
        "showSales": "/v1/reports/sales?group_by=month",
        "listProductSales": "/v1/reports/products",
        "listOrdersToSend": "/v1/fulfillment-queue?limit=1",
        "listOrdersNeedingAttention": "/v1/attention?limit=1",
        "showStatus": "/v1/status/projections",
    }


def answers(shop, operation, path):
    made = {JSON: shop.get(path).json}
    media = shop.client.application.extensions["openapi"]["paths"]
    offered = next(
        methods["get"]["responses"]["200"]["content"] for methods in media.values() if methods["get"]["operationId"] == operation
    )
    if CSV in offered:
        whole = path.replace("limit=1&with_total=true", "").replace("limit=1", "")
        made[CSV] = shop.get(whole, Accept=CSV).get_data(as_text=True)
    if STREAM in offered:
        event = made[JSON]["items"][0]
        made[STREAM] = f"id: {event['position']}\nevent: {event['type']}\ndata: {msgspec.json.encode(event).decode()}\n\n"
    return made


def shape(value):
    """What a value is made of, whatever it says."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str) and "\r\n" in value:
        return value.split("\r\n")[0]
    return None


def test_every_example_is_what_is_answered(migrated):
    with open_shop(migrated) as shop:
        made = {operation: answers(shop, operation, path) for operation, path in told(shop).items()}
    if WRITE:
        FILE.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    else:
        assert shape(EXAMPLES) == shape(made)
