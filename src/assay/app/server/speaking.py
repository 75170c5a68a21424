"""The language that a request is answered in: what it asks for, what the browser reads, or what the first run's config says."""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.app.server.site import Site
from assay.language import ENGLISH, languages, speaking

ASKED = "lang"  # in the address, and the cookie that keeps it
_FOR_MACHINES = ("/api/", "/openapi.json", "/healthz", "/metrics")  # in English, but for refusals that a page's script asks for
_YEAR = 365 * 24 * 3600  # seconds


class Speaking:
    """An ASGI application whose pages are in the reader's language."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app, self._site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in a language; one that the address names is kept in a cookie."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = _known(parse_qs(scope["query_string"].decode("latin-1")).get(ASKED, [""])[-1])
        if scope["path"].startswith(_FOR_MACHINES):
            with speaking(asked or ENGLISH):
                await self._app(scope, receive, send)
            return

        async def kept(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("Vary", "Accept-Language, Cookie")
                if asked is not None:
                    headers.append("Set-Cookie", f"{ASKED}={asked}; Path=/; Max-Age={_YEAR}; SameSite=Strict; HttpOnly")
            await send(message)

        with speaking(asked or of_headers(Headers(scope=scope)) or self._site.runs[0].run.config.show.language):
            await self._app(scope, receive, kept)


def of_headers(headers: Headers) -> str | None:
    """The language of the cookie, else the first that the browser reads and Assay speaks; None where there is none."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(ASKED)
    except CookieError:
        cookie = None
    kept = None if cookie is None else _known(cookie.value)
    return kept or next((code for tag in _read(headers.get("accept-language", "")) if (code := _known(tag)) is not None), None)


def _read(accepted: str) -> list[str]:
    """Tags of Accept-Language, those that are read best first; a tag of weight 0 is not read."""
    weighed = []
    for place, part in enumerate(accepted[:1_000].split(",")):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            continue
        if quality > 0:
            weighed.append((-quality, place, tag.strip()))
    return [tag for _, _, tag in sorted(weighed)]


def _known(tag: str) -> str | None:
    """The code of a tag's language, "zh" of "zh-CN"; None where Assay does not speak it."""
    code = tag.lower().replace("_", "-").partition("-")[0]
    return code if code in languages() else None
