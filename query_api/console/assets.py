"""Style sheets, scripts and pictures of the console: read once, served under names that change with what they hold."""

from collections.abc import Mapping
from hashlib import sha256
from importlib import resources
from typing import NamedTuple

from flask import Blueprint, request

from shared.http import Reply
from shared.http_headers import none_matches
from shared.problems import Problem

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_FOREVER = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """A file as it is served; `digest` names its bytes."""

    body: bytes
    media: str
    digest: str


def _read() -> Mapping[str, Asset]:
    folder = resources.files(__package__ or "query_api.console").joinpath("static")
    bodies = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    return {
        name: Asset(body, _TYPES[name.rpartition(".")[2]], sha256(body).hexdigest()[:12])
        for name, body in bodies.items()
    }


ASSETS = _read()


def path_of(name: str) -> str:
    """Give the path of a file, for a template."""
    return f"/console/static/{name}?v={ASSETS[name].digest}"


def add_assets(blueprint: Blueprint) -> None:
    """Serve them; open to anybody, since the page that asks for the token needs them."""

    @blueprint.get("/static/<name>")
    def static(name: str) -> Reply:
        asset = ASSETS.get(name)
        if asset is None:
            raise Problem("route_not_found", f"The console has no file {name[:80]!r}.")
        etag = f'"{asset.digest}"'
        cache = _FOREVER if request.args.get("v") == asset.digest else "no-cache"
        headers = [("ETag", etag), ("Cache-Control", cache), ("X-Content-Type-Options", "nosniff")]
        if none_matches(request.headers.get("If-None-Match"), etag):
            return Reply(b"", 304, headers)
        return Reply(asset.body, headers=[("Content-Type", asset.media), *headers])
