"""Errors as sentences: JSON for machines, a page for people. They tell nothing of the machine."""

import logging
import re
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from assay.app.server import views
from assay.app.server.site import Site, of_request
from assay.errors import BusyError, InputError, MadeAgainError, NotThereError
from assay.shown import one_line

_LOG = logging.getLogger("uvicorn.error")
_PATH = re.compile(r"(?<![\w<])(?!/api/)(?:/[\w.@%+~-]+){2,}/?")  # but for our own addresses
_SENTENCES = {
    404: "there is nothing at this address; / is the first page, /docs lists the API",
    405: "this address does not take this method; /docs says which it takes",
}
_FAULT = "a fault of Assay's own; the server's log says more"
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
        where = ".".join(str(step) for step in first["loc"][1:]) or "the request"
        return answer(request, 422, f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}")

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


def answer(request: Request, status: int, sentence: str, *, again: bool = False) -> Response:
    """A sentence as JSON; as a page where a browser asked for one. again: it is worth asking once more."""
    headers = {"Retry-After": "1"} if again else {}
    text = one_line(sentence)[:_LONGEST]
    if not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", ""):
        return views.page(request, "error.html.j2", status=status, headers=headers, sentence=text)
    return JSONResponse({"error": text}, status, headers)


def without_paths(sentence: str, site: Site) -> str:
    """A sentence that names runs in place of their folders, and no other path of the machine."""
    for folder in site.folders:
        for path in (folder.resolve(), folder):
            if path != Path("."):
                sentence = sentence.replace(str(path), folder.resolve().name)
    return _PATH.sub("a file", sentence)
