"""OpenAPI 3.1 out of what the program is made of: routes, msgspec types and the table of problems.

An API describes its routes as `Operation`s; `document` makes one JSON document of them. Nothing is written down twice:
schemas come from the types that read and write the bodies, titles of errors from the table that answers them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from shared.openapi_headers import PARAMETERS, PROBLEM_HEADERS, RESPONSE_HEADERS, SENT_AS, TAGS
from shared.problem_table import KINDS
from shared.problems import PROBLEM_JSON

Json = dict[str, Any]

JSON = "application/json"
ALWAYS = frozenset({"not_acceptable", "internal_error", "overloaded"})
"""What any route may answer that speaks JSON."""
GUARDED = frozenset({"unauthenticated", "forbidden", "keys_unavailable"})

_REF = "#/components/schemas/{name}"
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
_PYTHONS_END = r"$(?!\n)"
"""How our patterns say "the end" in Python; in JSON Schema (ECMA 262) a bare `$` says it."""
_REWRITTEN: dict[str, Callable[[str], str]] = {
    "pattern": lambda pattern: pattern.replace(_PYTHONS_END, "$"),
    "description": cleandoc,
}


class Answer(NamedTuple):
    """A success. `content` is a type, or a schema as it is; None: no body. Headers are keys of RESPONSE_HEADERS.

    Whatever has a body has an `example` of it (`tests/unit/test_openapi_rules.py`).
    """

    description: str
    content: Any = None
    headers: tuple[str, ...] = ()
    status: int = 200
    media: str = JSON
    example: Any = None


class Operation(NamedTuple):
    """A method of a path. `scope` None: any valid token; `open_`: not even one.

    `parameters` are keys of PARAMETERS, or parameter objects; those in the path follow from it.
    """

    method: str
    path: str
    id: str
    summary: str
    answers: tuple[Answer, ...]
    codes: frozenset[str]
    tag: str
    description: str = ""
    scope: str | None = None
    open_: bool = False
    parameters: tuple[str | Json, ...] = ()
    body: Any = None
    body_required: bool = True
    body_media: str = JSON
    example: Any = None
    path_schemas: Mapping[str, Json] = {}


class FieldProblem(Struct):
    """One thing wrong with one field (`pointer`) or query parameter (`parameter`)."""

    code: str
    pointer: str | None = None
    parameter: str | None = None
    detail: str | None = None


class ProblemDocument(Struct):
    """An error (RFC 9457). `code` is the contract; further members are its figures.

    `retryable`: the very same request may succeed a moment later.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    retryable: bool
    errors: list[FieldProblem] | None = None
    trace_id: str | None = None


def document(title: str, description: str, operations: Sequence[Operation]) -> Json:
    """Make the document of an API with these operations."""
    types = _types(operations)
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = dict(zip(map(_identity, types), map(_ecma, schemas), strict=True))
    paths: Json = {}
    for operation in operations:
        path = _VARIABLE.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version("daybook"),
            "description": description,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": tag, "description": TAGS[tag]} for tag in dict.fromkeys(operation.tag for operation in operations)
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A signed token. Each operation names the scope that it needs.",
                }
            },
            "parameters": PARAMETERS,
            "headers": RESPONSE_HEADERS,
            "schemas": _ecma(components),
        },
    }


def codes_of(document: Mapping[str, Any], method: str, path: str, status: int) -> list[str]:
    """List the codes that a document gives for a status of an operation."""
    answer = document["paths"][path][method.lower()]["responses"][str(status)]
    codes: list[str] = answer["content"][PROBLEM_JSON]["schema"]["properties"]["code"]["enum"]
    return codes


def _types(operations: Iterable[Operation]) -> list[Any]:
    """List each type once that bodies are made of; what is a schema already is none."""
    found = [ProblemDocument]
    for operation in operations:
        found += [operation.body, *(answer.content for answer in operation.answers)]
    return list({_identity(type_): type_ for type_ in found if not (type_ is None or isinstance(type_, dict))}.values())


def _identity(type_: object) -> str:
    return repr(type_)


def _operation(operation: Operation, schema_of: Mapping[str, Json]) -> Json:
    result: Json = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": [] if operation.open_ else [{"bearer": [operation.scope] if operation.scope else []}],
    }
    if operation.description:
        result["description"] = operation.description
    if parameters := list(_parameters(operation)):
        result["parameters"] = parameters
    if operation.body is not None:
        content: Json = {"schema": _schema(operation.body, schema_of)}
        if operation.example is not None:
            content["examples"] = {"typical": {"value": operation.example}}
        result["requestBody"] = {"required": operation.body_required, "content": {operation.body_media: content}}
    result["responses"] = dict(sorted((_successes(operation, schema_of) | _problems(operation, schema_of)).items()))
    return result


def _parameters(operation: Operation) -> Iterator[Json]:
    for name in _VARIABLE.findall(operation.path):
        known = operation.path_schemas.get(name, {"minLength": 1})
        schema = {"description": _path_words(name), "type": "string"} | known
        words = schema.pop("description")
        yield {"name": name, "in": "path", "required": True, "description": words, "schema": schema}
    for parameter in operation.parameters:
        yield {"$ref": f"#/components/parameters/{parameter}"} if isinstance(parameter, str) else parameter


def _path_words(name: str) -> str:
    return f"The {name.removesuffix('_id').rstrip('_').replace('_', ' ')}" + ("'s id." if name.endswith("_id") else ".")


def _successes(operation: Operation, schema_of: Mapping[str, Json]) -> Json:
    by_status: dict[int, Json] = {}
    for answer in operation.answers:
        shown = by_status.setdefault(answer.status, {"description": answer.description, "headers": {}})
        shown["headers"] |= _headers(("Request-Id", *answer.headers))
        if answer.content is not None:
            content = shown.setdefault("content", {})[answer.media] = {"schema": _schema(answer.content, schema_of)}
            if answer.example is not None:
                content["examples"] = {"typical": {"value": answer.example}}
    return {str(status): shown for status, shown in by_status.items()}


def _problems(operation: Operation, schema_of: Mapping[str, Json]) -> Json:
    """Describe the problems, status by status: the codes, and what each means."""
    by_status: dict[int, list[str]] = {}
    for code, kind in KINDS.items():
        if code in operation.codes:
            by_status.setdefault(kind.status, []).append(code)
    return {
        str(status): {
            "description": "\n".join(f"- [`{code}`](/problems/{code}): {KINDS[code].title}" for code in codes),
            "headers": _headers(("Request-Id", *PROBLEM_HEADERS.get(status, ()))),
            "content": {
                PROBLEM_JSON: {
                    "schema": {
                        "allOf": [schema_of[_identity(ProblemDocument)]],
                        "properties": {"status": {"const": status}, "code": {"enum": codes}},
                    },
                    "examples": {code: {"value": _example(code)} for code in codes},
                }
            },
        }
        for status, codes in by_status.items()
    }


def _example(code: str) -> Json:
    kind = KINDS[code]
    return {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.title,
        "instance": "urn:request:7b1c0f6a2b9d4f7e8a5c3d1e0f9b8a7c",
        "code": code,
        "retryable": kind.retryable,
    }


def _headers(names: Iterable[str]) -> Json:
    return {SENT_AS.get(name, name): {"$ref": f"#/components/headers/{name}"} for name in names}


def _schema(type_: object, schema_of: Mapping[str, Json]) -> Json:
    return type_ if isinstance(type_, dict) else schema_of[_identity(type_)]


def _ecma(schema: Any) -> Any:  # noqa: ANN401 -- any part of a schema
    """Rewrite what msgspec made of our types: patterns as JSON Schema has them, docstrings without indentation."""
    if isinstance(schema, Mapping):
        return {
            key: _REWRITTEN[key](value) if key in _REWRITTEN and isinstance(value, str) else _ecma(value)
            for key, value in schema.items()
        }
    return [_ecma(item) for item in schema] if isinstance(schema, list | tuple) else schema

