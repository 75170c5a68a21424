"""An application that serves the judging page alone, within a base template of its own."""

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from jinja2 import ChoiceLoader, DictLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, JSONResponse, Response

from assay.app.server.judge import router
from assay.app.templating import in_words, marked
from assay.benchmark.judged.asking import Judging
from assay.errors import InputError
from assay.testing.judging import HIGHEST, ToJudge, make_to_judge

BASE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{% block title %}{% endblock %}</title>
{% block scripts %}{% endblock %}</head><body><main>{% block content %}{% endblock %}</main></body></html>"""
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'"
HOSTILE = '<img src=x onerror="document.title=1">牛奶'


def judged_by(folder: Path, made: ToJudge | None = None, **options) -> Judging:
    made = made or make_to_judge(12, 15)
    names = {f"item {n}": f"{HOSTILE} {n}" for n in range(10)}
    return Judging(
        made.benchmark, made.predictions, folder, **{"label": "made version 1", "highest": HIGHEST, "names": names, **options}
    )


def application(judging: Judging) -> FastAPI:
    app = FastAPI()
    loader = ChoiceLoader([DictLoader({"server/base.html.j2": BASE}), PackageLoader("assay.app", "templates")])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.globals |= {"say": marked}
    environment.filters |= {"in_words": in_words}

    def page(_request: Request, template: str, **content: object) -> Response:
        text = environment.get_template(f"server/{template}").render(**content)
        return HTMLResponse(text, headers={"Content-Security-Policy": POLICY})

    @app.exception_handler(InputError)
    def refused(_request: Request, error: InputError) -> Response:
        return JSONResponse({"error": str(error)}, 400)

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        kind = {"js": "text/javascript", "css": "text/css"}[name.rpartition(".")[2]]
        return Response(files("assay.app.server").joinpath("static", name).read_bytes(), media_type=kind)

    app.include_router(router(judging, page))
    return app
