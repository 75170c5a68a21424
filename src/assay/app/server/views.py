"""Pages: rendered on the server from templates, all that comes from data made harmless."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from assay import __version__
from assay.app import plots, words
from assay.app.safe import plain_text
from assay.app.server.site import of_request
from assay.app.templating import bdi, code, in_words, marked, marked_several
from assay.language import languages, own_name, spoken
from assay.language.retelling import retell


@dataclass(frozen=True)
class Page:
    """A page that the head of every page leads to. name: as it is called there, `later("Name")`. path: where it begins."""

    name: str
    path: str
    router: APIRouter


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("assay.app", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "draw": plots.draw, "count": words.count, "figure": words.figure, "signed": partial(words.figure, sign=True),
        "level": words.level, "estimate": words.estimate, "plain": words.plain, "p_value": words.p_value, "bdi": bdi,
        "code": code, "in_words": in_words, "retell": retell,
    }  # fmt: skip
    environment.globals |= {"say": marked, "several": marked_several}
    return environment


def page(
    request: Request,
    template: str,
    *,
    run: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **content: Any,
) -> HTMLResponse:
    """A page of a template in templates/server/, with what it shows. run: the name of the run that it shows, as it was asked for.

    Templates extend base.html.j2, which needs nothing else. Links of a page keep the run: `{{ link("/shop", user=7) }}`.
    """
    site = of_request(request)
    pages: tuple[Page, ...] = request.app.state.pages
    here = next((one for one in pages if _within(request.url.path, one.path)), None)
    several = [living.name for living in site.runs] if len(site.runs) > 1 else []

    def link(path: str, **values: object) -> str:
        given = {name: value for name, value in values.items() if value is not None}
        asked = given | ({"run": run} if run is not None and "run" not in given else {})
        return str(request.url.replace(path=path, query="", fragment="").include_query_params(**asked)).removeprefix(
            f"{request.url.scheme}://{request.url.netloc}"
        )

    text = (
        _environment()
        .get_template(f"server/{template}")
        .render(
            pages=pages,
            here=here,
            runs=several,
            run=run,
            link=link,
            version=__version__,
            language=spoken(),
            others=_others(request),
            **content,
        )
    )
    return HTMLResponse(plain_text(text), status, dict(headers or {}))


def _others(request: Request) -> list[tuple[str, str, str]]:
    """(code, own name, address of this page) of the languages besides the one that is spoken."""
    here = request.url.include_query_params
    return [(code, own_name(code), f"{request.url.path}?{here(lang=code).query}") for code in languages() if code != spoken()]


def _within(path: str, of: str) -> bool:
    return path == of or path.startswith(f"{of}/")
