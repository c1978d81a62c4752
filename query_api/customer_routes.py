"""Customers: one of them, and lists of them."""

from query_api import csv_file, shapes
from query_api.exporting import Sheet, export
from query_api.parameters import Parser, text
from query_api.queries import customer
from query_api.question import Question
from query_api.route import DEFAULT_LIMIT, LIMIT, Route, known_text
from shared.http import Reply

CUSTOMERS: dict[str, Parser] = {"email": text(320), "limit": LIMIT, "cursor": text(4000, format="cursor")}
SHEET = Sheet("customers", customer.COLUMNS_OF_FILE, 0, customer.lines)
"""A line per customer and currency."""


def one_customer(question: Question, customer_id: str) -> Reply:
    """A customer in short."""
    question.parameters({})
    found = customer.by_id(question.read, known_text(customer_id))
    if found.representation is None:
        raise question.not_found(found.position, "customer_not_found", f"No order names a customer {customer_id!r}.")
    return question.reply_rendered(found.position, found.representation)


def customers(question: Question) -> Reply:
    """Customers whom an order names, in the order of their ids, each with totals as on its own.

    By `email` whoever has that address, whatever the case; several customers may. An address is that of the newest
    order that has one.
    """
    sent = question.parameters(CUSTOMERS)
    if question.prefers(csv_file.MEDIA):
        return export(question, SHEET, sent, customer.everything(sent.get("email")))
    limit = sent.get("limit", DEFAULT_LIMIT)
    return question.reply_page(customer.page(question.read, sent.get("email"), limit, sent.get("cursor")), limit)


ROUTES = (
    Route("/v1/customers", "orders:read", customers, shapes.Customers, CUSTOMERS, shapes.CSV),
    Route("/v1/customers/<path:customer_id>", "orders:read", one_customer, shapes.CustomerInShort),
)
