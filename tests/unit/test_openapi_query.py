"""The query API's document agrees with the URL map, the route table and the read tables."""

import re

import pytest

from projector.tables.order_list import ListItem
from query_api import shapes
from query_api.app import opened
from query_api.routes import ROUTES
from query_api.settings import Settings
from shared import auth
from shared.book import Book
from shared.openapi import codes_of
from shared.problem_table import KINDS
from tests.support.agreement import documented, mapped


@pytest.fixture(scope="module")
def app():
    nowhere = "postgresql://nowhere"
    with opened(Settings(book=Book(), reads_url=nowhere, events_url=None, verify=auth.shared_secret("s" * 64))) as app:
        yield app


@pytest.fixture(scope="module")
def document(app):
    return app.extensions["openapi"]


def test_the_document_names_the_routes_of_the_url_map(app, document):
    assert documented(document) == mapped(app)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_parameter_of_a_route_is_documented(document, route):
    operation = document["paths"][re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)]["get"]
    assert {p["name"] for p in operation["parameters"] if p.get("in") == "query"} == set(route.parameters)


def test_every_route_has_its_own_refusals(document):
    found = {path: codes_of(document, "GET", path, 404) for path in document["paths"] if "{" in path}
    assert found == {
        "/v1/orders/{order_id}": ["order_not_found", "version_not_found", "route_not_found"],
        "/v1/orders/by-number/{number}": ["order_not_found", "route_not_found"],
        "/v1/orders/by-external-id/{channel}/{external_id}": ["order_not_found", "route_not_found"],
        "/v1/orders/{order_id}/timeline": ["order_not_found", "route_not_found"],
        "/v1/orders/{order_id}/events": ["order_not_found", "route_not_found"],
        "/v1/customers/{customer_id}": ["customer_not_found", "route_not_found"],
        "/v1/customers/{customer_id}/orders": ["route_not_found"],
        "/schemas/{type_}/{version}": ["route_not_found"],
        "/problems/{code}": ["route_not_found"],
    }


def test_codes_are_known(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status in operation["responses"]:
                if int(status) >= 400:
                    assert set(codes_of(document, method, path, int(status))) <= set(KINDS)


def test_an_order_in_a_list_has_the_fields_of_the_table():
    assert shapes.OrderInList.__struct_fields__ == ListItem.__struct_fields__


def test_the_page_shows_every_operation(app, document):
    page = app.test_client().get("/docs").text
    assert not re.search(r"<script|https?://|\ssrc=|\sstyle=|@import|url\(", page)
    for operations in document["paths"].values():
        assert f'id="{operations["get"]["operationId"]}"' in page
