"""Errors as sentences: JSON for machines, a page for people. They tell nothing of the machine."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from assay.app.server import views
from assay.app.server.site import Site, of_request
from assay.errors import BusyError, InputError, MadeAgainError, NotThereError
from assay.language import english
from assay.language.retelling import retell
from assay.shown import one_line

_LOG = logging.getLogger("uvicorn.error")
_PATH = re.compile(r"(?<![\w<])(?!/api/)(?:/[\w.@%+~-]+){2,}/?")  # but for our own addresses
_SENTENCES = {
    404: english("there is nothing at this address; / is the first page, /docs lists the API"),
    405: english("this address does not take this method; /docs says which it takes"),
}
_FAULT = english("a fault of Assay's own; the server's log says more")
_DAY = english("{name}: give a day, as 2026-01-31")
_WHOLE = english("{name}: give a whole number")
_OF_VALUES = {
    "date_from_datetime_inexact": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_parsing": _DAY,
    "finite_number": english("{name}: give a finite number"),
    "float_parsing": english("{name}: give a number"),
    "greater_than_equal": english("{name}: give {number_ge} or more"),
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "less_than": english("{name}: give less than {number_lt}"),
    "less_than_equal": english("{name}: give {number_le} at most"),
    "literal_error": english("{name}: give one of {names_expected}"),
    "missing": english("{name}: is missing; give it"),
    "string_too_long": english("{name}: give at most {number_max_length} characters"),
    "string_too_short": english("{name}: give at least {number_min_length} characters"),
}  # by what pydantic calls what is wrong; places are named as its context names them
_LONGEST = 600  # characters of a sentence


def install(app: FastAPI) -> None:
    """Say how each error is answered."""

    def of_input(request: Request, error: Exception) -> Response:
        assert isinstance(error, InputError)
        status = 404 if isinstance(error, NotThereError) else 503 if isinstance(error, BusyError | MadeAgainError) else 400
        return answer(request, status, without_paths(str(error), of_request(request)), again=status == 503)

    def of_values(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return answer(request, 422, of_value(first, first["loc"][1:]))

    def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(
            request, error.status_code, _SENTENCES.get(error.status_code, str(error.detail)), again=error.status_code == 503
        )

    def of_fault(request: Request, error: Exception) -> Response:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(request, 500, _FAULT)

    app.add_exception_handler(InputError, of_input)
    app.add_exception_handler(RequestValidationError, of_values)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(Exception, of_fault)


def of_value(error: Mapping[str, Any], where: Sequence[int | str]) -> str:
    """What is wrong with a value, as pydantic finds it, in a sentence. where: its name, step by step."""
    name, context = ".".join(map(str, where)) or "the request", error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    if (sentence := _OF_VALUES.get(error["type"])) is None:
        return f"{name}: {error['msg'][:1].lower()}{error['msg'][1:]}"
    kinds = {f"number_{key}": value for key, value in context.items()} | {
        "names_expected": context.get("expected", "").replace(" or ", ", ")
    }
    return english(sentence, name=name, **kinds)


def answer(request: Request, status: int, sentence: str, *, again: bool = False) -> Response:
    """A sentence as JSON, or as a page where a browser asked for one. again: it is worth asking once more."""
    headers = {"Retry-After": "1"} if again else {}
    text = one_line(sentence)[:_LONGEST]
    if not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", ""):
        return views.page(request, "error.html.j2", status=status, headers=headers, sentence=text)
    return JSONResponse({"error": retell(text)}, status, headers)


def without_paths(sentence: str, site: Site) -> str:
    """A sentence that names runs in place of their folders, and no other path of the machine."""
    for folder in site.folders:
        for path in (folder.resolve(), folder):
            if path != Path("."):
                sentence = sentence.replace(str(path), folder.resolve().name)
    return _PATH.sub("a file", sentence)
