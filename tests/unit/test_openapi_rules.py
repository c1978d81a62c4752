"""Rules that both OpenAPI documents keep, so that generators and people can use them.

That they are valid OpenAPI 3.1 is for a reference implementation to say; the rest are rules of our own.
"""

import json
import re

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from command_api.document import command_document
from query_api.app import opened
from query_api.settings import Settings
from shared import auth
from shared.book import Book
from shared.problem_table import KINDS
from shared.problems import PROBLEM_JSON

VERBS = "is|show|list|create|place|confirm|complete|cancel|amend|add|change|record|capture|fail|void|prepare|dispatch|deliver|request|receive|reject|import"
NO_BODY = {"304"}


def query_document():
    settings = Settings(book=Book(), reads_url="postgresql://nowhere", events_url=None, verify=auth.shared_secret("s" * 64))
    with opened(settings) as app:
        return app.extensions["openapi"]


DOCUMENTS = {name: json.loads(json.dumps(made())) for name, made in (("query", query_document), ("command", command_document))}
OPERATIONS = [
    pytest.param(document, path, method, operation, id=f"{name} {operation['operationId']}")
    for name, document in DOCUMENTS.items()
    for path, methods in document["paths"].items()
    for method, operation in methods.items()
]
each_document = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
each_operation = pytest.mark.parametrize(("document", "path", "method", "operation"), OPERATIONS)


def resolved(document, thing):
    reference = thing.get("$ref")
    return document["components"][reference.split("/")[2]][reference.split("/")[3]] if reference else thing


def fits(document, schema, value):
    """Whether a value is as the schema says, references into the document included."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"], "allOf": [schema]}
    jsonschema_rs.validate(whole, value)


@each_document
def test_it_is_valid(document):
    validate(document)


@each_document
def test_it_says_what_it_is_and_runs_wherever_it_is_served(document):
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version", "description", "license"} <= document["info"].keys()
    assert document["servers"] == [{"url": "/"}]
    used = {tag for methods in document["paths"].values() for operation in methods.values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])


@each_document
def test_every_reference_leads_somewhere_and_every_schema_is_used(document):
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)))
    for reference in references:
        place = document
        for part in reference.split("/"):
            place = place[part]
    assert {f"components/schemas/{name}" for name in document["components"]["schemas"]} <= references


@each_document
def test_schemas_have_names_that_generators_make_classes_of(document):
    """Two types of one name are told apart by their modules, which makes no name of a class."""
    assert [name for name in document["components"]["schemas"] if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)] == []


@each_document
def test_operations_are_named_by_a_verb_and_a_noun_each_once(document):
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)
    assert [id_ for id_ in ids if not re.fullmatch(rf"({VERBS})[A-Z][A-Za-z]+", id_)] == []


@each_operation
def test_it_is_described_and_tagged(document, path, method, operation):
    assert len(operation["summary"]) <= 120
    assert operation["description"] or operation["summary"].endswith("?")
    assert len(operation["tags"]) == 1


@each_operation
def test_its_parameters_are_described(document, path, method, operation):
    parameters = [resolved(document, parameter) for parameter in operation.get("parameters", ())]
    for parameter in parameters:
        assert parameter["description"], parameter
        assert parameter["schema"], parameter
    assert {p["name"] for p in parameters if p["in"] == "path"} == set(re.findall(r"{(\w+)}", path))
    assert len({(p["in"], p["name"]) for p in parameters}) == len(parameters)


@each_operation
def test_it_says_who_may(document, path, method, operation):
    """Nobody has to be known for what is about the service itself; all else needs a token, and says of which scope."""
    security = operation["security"]
    assert security == [] or list(security[0]) == ["bearer"]
    assert ("401" in operation["responses"]) == bool(security)
    assert ("403" in operation["responses"]) == bool(security and security[0]["bearer"])


@each_operation
def test_its_good_answers_have_examples_that_are_as_their_schemas_say(document, path, method, operation):
    good = {status: answer for status, answer in operation["responses"].items() if status < "4"}
    assert any(status.startswith("2") for status in good)
    for status, answer in good.items():
        assert answer["description"]
        assert bool(answer.get("content")) == (status not in NO_BODY)
        for media, content in answer.get("content", {}).items():
            assert content["examples"], (status, media)
            for example in content["examples"].values():
                fits(document, content["schema"], example["value"])


@each_operation
def test_its_requests_have_examples_that_are_as_their_schemas_say(document, path, method, operation):
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for example in content["examples"].values():
            fits(document, content["schema"], example["value"])


@each_operation
def test_its_errors_are_problems_with_codes_and_examples(document, path, method, operation):
    bad = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
    assert any(status.startswith("5") for status in bad)
    for status, answer in bad.items():
        [(media, content)] = answer["content"].items()
        codes = content["schema"]["properties"]["code"]["enum"]
        assert media == PROBLEM_JSON
        assert codes and all(KINDS[code].status == int(status) for code in codes)
        assert set(content["examples"]) == set(codes)
        for example in content["examples"].values():
            fits(document, content["schema"], example["value"])


@each_operation
def test_its_headers_are_described(document, path, method, operation):
    for answer in operation["responses"].values():
        assert "Request-Id" in answer["headers"]
        for header in answer["headers"].values():
            assert resolved(document, header)["description"]
            assert resolved(document, header)["schema"]
