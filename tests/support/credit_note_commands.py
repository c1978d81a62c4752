"""The month of `credit_notes.py` as commands: what makes an order what its import says, sent when it happened.

What the file does not say is left to the service: orders are confirmed, and complete themselves, when the test runs.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tests.support import retail
from tests.support.command_api import problem
from tests.support.credit_notes import Unmatched, units

COUNTRIES = {
    "Australia": "AU",
    "Austria": "AT",
    "Bahrain": "BH",
    "Belgium": "BE",
    "Channel Islands": "GB",
    "Cyprus": "CY",
    "Denmark": "DK",
    "EIRE": "IE",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Iceland": "IS",
    "Israel": "IL",
    "Italy": "IT",
    "Japan": "JP",
    "Lithuania": "LT",
    "Netherlands": "NL",
    "Norway": "NO",
    "Poland": "PL",
    "Portugal": "PT",
    "Spain": "ES",
    "Sweden": "SE",
    "Switzerland": "CH",
    "United Kingdom": "GB",
}


class Step(NamedTuple):
    """What is sent to one order, and when it happened. A refused one is tried after all others of its minute."""

    at: str
    refused: bool
    invoice: str
    path: str
    body: dict


def life(order: dict) -> Iterator[Step]:
    """The commands that make an order what its import says: created, confirmed, paid, sent, delivered, sent back."""
    invoice, placed_at = order["external_id"], order["placed_at"]
    opening = (
        "external_id channel currency prices_include_tax customer shipping_address shipping lines placed_at".split()
    )

    def step(at: str, path: str, **body: object) -> Step:
        return Step(at, False, invoice, path, body)

    yield step(placed_at, "", **{name: order[name] for name in opening if name in order})
    yield step(placed_at, "/confirm")
    for payment in order.get("payments", ()):
        its = {"payment_id": payment["payment_id"], "method": payment["method"], "currency": order["currency"]}
        amount, at = payment["authorized_amount"], payment["occurred_at"]
        yield step(at, "/payments", **its, amount=amount, capture=True, occurred_at=at)
    for parcel in order["shipments"]:
        path = f"/shipments/{parcel['shipment_id']}"
        yield step(parcel["prepared_at"], "/shipments", shipment_id=parcel["shipment_id"], lines=parcel["lines"])
        yield step(parcel["dispatched_at"], f"{path}/dispatch", occurred_at=parcel["dispatched_at"])
        yield step(parcel["delivered_at"], f"{path}/deliver", occurred_at=parcel["delivered_at"])
    for back in order["returns"]:
        id_, at = back["return_id"], back["occurred_at"]
        asked = [{name: line[name] for name in ("line_id", "quantity", "reason")} for line in back["lines"]]
        received = [
            {"line_id": line["line_id"], "quantity": line["received"], "condition": "sellable"}
            for line in back["lines"]
        ]
        yield step(at, "/returns", return_id=id_, lines=asked, occurred_at=at)
        yield step(at, f"/returns/{id_}/receive", lines=received, occurred_at=at)
    for refund in order["refunds"]:
        # Without an amount: it must be what the units were sold for.
        asked = {name: value for name, value in refund.items() if name != "amount"}
        yield step(refund["occurred_at"], "/refunds", **asked, state="completed")


def refused_return(unmatched: Unmatched) -> Step:
    """The return of more units than the line has left."""
    at = unmatched.credit["InvoiceDate"]
    line = {"line_id": unmatched.sold["row"], "quantity": units(unmatched.credit), "reason": "other"}
    body = {"lines": [line], "occurred_at": at}
    return Step(at, True, unmatched.sold["InvoiceNo"], "/returns", body)


def addressed(orders):
    """The orders with a shipping address, which a placed order must have; the file has the country only."""
    countries = {row["InvoiceNo"]: COUNTRIES[row["Country"]] for row in retail.rows()}
    for order in orders:
        address = {"name": "not in the file", "line1": "not in the file", "city": "not in the file"}
        yield order | {"shipping_address": address | {"country": countries[order["external_id"]]}}


def send(api, steps):
    """Send all in time order. Returns how many were answered with which status, and which invoices were refused."""
    paths, answered, refused = {}, Counter(), set()
    for step in sorted(steps, key=lambda step: (step.at[: len("2010-12-01T08:26:00")], step.refused)):
        if step.invoice in refused:
            continue
        response = api.post(f"{paths.get(step.invoice, '/v1/orders')}{step.path}", step.body)
        answered[response.status_code] += 1
        if step.refused:
            assert problem(response) == (409, "return_quantity_exceeded")
            assert response.json["returnable_quantity"] < step.body["lines"][0]["quantity"]
        elif step.path:
            assert response.status_code in {200, 201}, f"{step}: {response.text}"
            assert not response.json.get("no_change")
        elif response.status_code == 201:
            paths[step.invoice] = f"/v1/orders/{response.json['order_id']}"
        else:
            assert problem(response) == (422, "validation_failed")
            refused.add(step.invoice)
    return answered, refused
