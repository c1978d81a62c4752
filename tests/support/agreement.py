"""Whether an app and its OpenAPI document say the same: of the URL map, and of an answer."""

import re

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from shared.openapi import codes_of
from shared.problems import PROBLEM_JSON

UNKNOWN_ROUTE = {404, 405}
"""What is answered where there is no operation; these are in no document."""

CONSOLE = "/console"
"""Pages for people, below this path; a document is for programs."""


def documented(document: dict) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}


def mapped(app: Flask) -> set[tuple[str, str]]:
    """What the app serves; HEAD comes with every GET, and is answered as GET is but for the body."""
    return {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(CONSOLE)
    }


def assert_documented(app: Flask, response: TestResponse) -> None:
    """Assert that the document knows this answer: status, content type, headers, code."""
    document = app.extensions["openapi"]
    method = "GET" if response.request.method == "HEAD" else response.request.method
    try:
        rule, _ = app.url_map.bind("localhost").match(response.request.path, method, return_rule=True)
    except HTTPException:
        assert response.status_code in UNKNOWN_ROUTE
        return
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
    said = f"{method} {path} answered {response.status_code}: {response.get_data(as_text=True)[:300]}"
    answers = document["paths"][path][method.lower()]["responses"]
    assert str(response.status_code) in answers, said
    answer = answers[str(response.status_code)]
    for name, reference in answer["headers"].items():
        header = document["components"]["headers"][reference["$ref"].rpartition("/")[2]]
        assert name in response.headers or not header["required"], f"{said}: no {name}"
    if response.data:
        assert response.mimetype in answer["content"], said
    if response.mimetype == PROBLEM_JSON and response.data:
        assert response.json["code"] in codes_of(document, method, path, response.status_code), said
