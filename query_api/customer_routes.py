"""Customers."""

from query_api import shapes
from query_api.queries import customer
from query_api.question import Question
from query_api.route import Route, known_text
from shared.http import Reply


def one_customer(question: Question, customer_id: str) -> Reply:
    """A customer in short."""
    question.parameters({})
    found = customer.by_id(question.read, known_text(customer_id))
    if found.representation is None:
        raise question.not_found(found.position, "customer_not_found", f"No order names a customer {customer_id!r}.")
    return question.reply_rendered(found.position, found.representation)


ROUTES = (Route("/v1/customers/<path:customer_id>", "orders:read", one_customer, shapes.CustomerInShort),)
