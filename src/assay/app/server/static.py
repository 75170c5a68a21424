"""Style sheet and scripts, read once when the server starts: no request's path reaches the disk."""

import hashlib
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

import pyarrow.compute as pc
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from assay.app.server.site import Site

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_STYLE = "assay.css"  # the report's, and what pages have besides
_MOST = 8  # places that pictures may come from, each named in the policy; where there are more, any may be
router = APIRouter(include_in_schema=False)


@cache
def contents() -> dict[str, bytes]:
    """What each name gives."""
    found = {file.name: file.read_bytes() for file in files("assay.app.server").joinpath("static").iterdir() if file.is_file()}
    found[_STYLE] = files("assay.app").joinpath("templates", "report.css").read_bytes() + b"\n" + found[_STYLE]
    return found


@router.get("/static/{name}")
def static(name: str, request: Request) -> Response:
    """A file by its name."""
    known = contents()
    kind = next((kind for ending, kind in _TYPES.items() if name.endswith(ending)), None)
    if name not in known or kind is None:
        raise HTTPException(404)
    tag = f'"{hashlib.sha256(known[name]).hexdigest()[:16]}"'
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(known[name], media_type=kind, headers=headers)


def picture_places(site: Site) -> tuple[str, ...]:
    """Where the pictures of items lie, as a policy names places; none where no run has pictures."""
    places: set[str] = set()
    for living in site.runs:
        items = living.run.items
        if items is None or "image" not in items.column_names:
            continue
        for address in pc.unique(items.column("image").drop_null()).to_pylist():
            if (place := picture_place(address)) is not None:
                places.add(place)
    return tuple(sorted(places)) if len(places) <= _MOST else ("https:", "http:")


def picture_place(address: str) -> str | None:
    """Scheme and host of a picture's address; None for what is no address of the web."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or not all(sign.isalnum() or sign in ".-" for sign in host):
        return None
    if not host.isascii():
        return None
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
