"""The API's own page, drawn from its schema: it needs no network and no script."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from assay.app.server import views

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """Every endpoint with what it takes and gives."""
    schema = request.app.openapi()
    parts = schema["components"]["schemas"]
    endpoints = [
        (method.upper(), path, operation, _answer(operation))
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    models = {
        name: [(field, _kind(about)) for field, about in part.get("properties", {}).items()] for name, part in parts.items()
    }
    texts = {name: part.get("description", "") for name, part in parts.items()}
    return views.page(request, "docs.html.j2", endpoints=endpoints, models=models, texts=texts, kind=_kind)


def _answer(operation: dict[str, Any]) -> str:
    """What an operation gives, in words."""
    content = operation["responses"].get("200", {}).get("content", {})
    return next((_kind(about["schema"]) or kind for kind, about in content.items() if "schema" in about), "")


def _kind(about: dict[str, Any]) -> str:
    """A type of the schema in words."""
    if "$ref" in about:
        return str(about["$ref"]).rpartition("/")[2]
    for joined in ("anyOf", "oneOf"):
        if joined in about:
            return " or ".join(_kind(one) for one in about[joined])
    if "enum" in about:
        return " or ".join(str(one) for one in about["enum"])
    if about.get("type") == "array":
        kinds = dict.fromkeys(_kind(one) for one in about.get("prefixItems", [about.get("items", {})]))
        return f"list of {' and '.join(kinds)}"
    return str(about.get("format") or about.get("type") or "any")
