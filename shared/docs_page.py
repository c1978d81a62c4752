"""An OpenAPI document as one HTML page: no script, nothing from any other host."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Any

from shared.openapi import Json

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem 2rem;max-width:64rem}
h2{border-bottom:1px solid var(--line);margin-top:2.5rem}
h3{margin:0;display:inline;font-size:1rem}
code,pre{font:.875rem/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.75rem;overflow:auto}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.5rem .75rem}
summary{cursor:pointer}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-top:1px solid var(--line)}
.method{display:inline-block;min-width:3.5rem;font-weight:700}
nav a{margin-right:1rem;white-space:nowrap}
"""
_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LINK = re.compile(r"\[([^\]]+)\]\((/[\w/.-]*)\)")
_BOUNDS = {
    "format": "{}",
    "pattern": "matches {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "default": "default {}",
}


def page(document: Json) -> bytes:
    """Make the page."""
    title, described = document["info"]["title"], document["info"]["description"]
    by_tag: dict[str, list[str]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append("".join(_operation(document, method, path, operation)))
    schemas = document["components"]["schemas"]
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)} {escape(document['info']['version'])}</h1>",
        _prose(described),
        '<p><a href="/openapi.json">OpenAPI 3.1 document</a> · <a href="/problems">error codes</a></p><nav>',
        *(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in (*by_tag, "schemas")),
        "</nav>",
        *(f'<h2 id="{escape(tag)}">{escape(tag)}</h2>{"".join(shown)}' for tag, shown in by_tag.items()),
        '<h2 id="schemas">schemas</h2>',
        *("".join(_type(name, schema)) for name, schema in sorted(schemas.items())),
        "</body></html>",
    ]
    return "".join(parts).encode()


def _operation(document: Json, method: str, path: str, operation: Json) -> Iterator[str]:
    id_ = escape(operation["operationId"])
    yield f'<details id="{id_}"><summary><span class="method">{method.upper()}</span> <code>{escape(path)}</code> '
    yield f"<h3>{escape(operation['summary'])}</h3></summary>{_prose(operation.get('description', ''))}"
    parameters = [_resolved(document, parameter) for parameter in operation.get("parameters", ())]
    if parameters:
        yield "<table><tr><th>parameter<th>in<th>what</tr>"
        for parameter in parameters:
            what = f"{parameter.get('description', '')} {_type_name(parameter['schema'])}"
            yield f"<tr><td><code>{escape(parameter['name'])}</code><td>{parameter['in']}<td>{_inline(what)}</tr>"
        yield "</table>"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h4>Request: <code>{escape(media)}</code>, {_inline(_type_name(content['schema']))}</h4>"
        for example in content.get("examples", {}).values():
            yield f"<pre>{escape(json.dumps(example['value'], indent=2, ensure_ascii=False))}</pre>"
    yield "<table><tr><th>status<th>what<th>headers</tr>"
    for status, answer in operation["responses"].items():
        types = {_type_name(content["schema"]) for media, content in answer.get("content", {}).items() if status < "4"}
        what = _prose(f"{answer['description']} {' '.join(sorted(types))}")
        headers = ", ".join(f"<code>{escape(name)}</code>" for name in answer.get("headers", ()))
        yield f"<tr><td>{status}<td>{what}<td>{headers}</tr>"
    yield "</table></details>"


def _type(name: str, schema: Json) -> Iterator[str]:
    yield f'<details id="schema-{escape(name)}"><summary><h3>{escape(name)}</h3></summary>'
    yield _prose(schema.get("description", ""))
    if "properties" in schema:
        required = schema.get("required", ())
        yield "<table><tr><th>field<th>what</tr>"
        for field, what in schema["properties"].items():
            star = " (required)" if field in required else ""
            yield f"<tr><td><code>{escape(field)}</code>{star}<td>{_inline(_type_name(what))}</tr>"
        yield "</table>"
    else:
        yield f"<p>{_inline(_type_name(schema))}</p>"
    yield "</details>"


def _type_name(schema: Any) -> str:  # noqa: ANN401 -- any schema
    """Say in words what a schema takes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](/docs/{name})"
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return " or ".join(dict.fromkeys(map(_type_name, choices)))
    if "enum" in schema:
        shown = [f"`{value}`" for value in schema["enum"]]
        return " ".join(shown) if len(shown) <= 40 else f"{' '.join(shown[:40])} … ({len(shown)} values)"  # noqa: PLR2004
    name = str(schema.get("type", "any"))
    if name == "array":
        name = f"array of {_type_name(schema.get('items', {}))}"
    bounds = [text.format(f"`{schema[key]}`") for key, text in _BOUNDS.items() if key in schema]
    return ", ".join([name, *bounds])


def _resolved(document: Json, parameter: Json) -> Json:
    name = parameter.get("$ref", "").rpartition("/")[2]
    return document["components"]["parameters"][name] if name else parameter


def _prose(text: str) -> str:
    """Turn the little Markdown that our descriptions use into HTML: paragraphs, lists, code, strong, links."""
    blocks = []
    for block in re.split(r"\n\n|\n(?=- )", text.strip()):
        item = block.startswith("- ")
        blocks.append(f"<li>{_inline(block[2:])}</li>" if item else f"<p>{_inline(block)}</p>" if block else "")
    return re.sub(r"((?:<li>.*?</li>)+)", r"<ul>\1</ul>", "".join(blocks), flags=re.DOTALL)


def _inline(text: str) -> str:
    text = _LINK.sub(lambda link: f"\0{link[1]}\1{link[2]}\2", text)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    text = re.sub("\0([^\1]*)\1([^\2]*)\2", r'<a href="\2">\1</a>', text)
    return text.replace('href="/docs/', 'href="#schema-')
