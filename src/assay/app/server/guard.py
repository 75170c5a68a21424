"""What every request passes before it is looked at, and what every answer says to the browser.

Host, token, origin and sizes are checked here, once for all routes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.app.server.site import Reach

BODY = 1 << 20  # bytes of a request's body
QUERY = 8_192  # bytes of what stands behind the ?
PATH = 4_096
OPEN = "/healthz"  # asked by those who only look whether the server is there
_READING = ("GET", "HEAD", "OPTIONS")
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src {images}; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Refused(NamedTuple):
    """Why a request is not answered. headers: of the answer."""

    status: int
    sentence: str
    headers: Mapping[str, str] = {}


class Guard:
    """An ASGI application behind these checks. images: where pictures may come from, besides the server itself."""

    def __init__(self, app: ASGIApp, reach: Reach, images: tuple[str, ...] = ()) -> None:
        self._app, self._reach = app, reach
        self._headers = _HEADERS | {"Content-Security-Policy": _POLICY.format(images=" ".join(("'self'", *images)))}
        self._token = None if reach.token is None else _digest(reach.token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refused(scope, Headers(scope=scope))
        body = None if refused is not None or scope["method"] in _READING else await _whole(receive)
        if body is not None and len(body) > BODY:
            refused = _too_large()
        if refused is not None:
            response = JSONResponse({"error": refused.sentence}, refused.status, dict(refused.headers))
            await response(scope, receive, answer)
            return
        await self._app(scope, receive if body is None else _again(body, receive), answer)

    def _refused(self, scope: Scope, headers: Headers) -> Refused | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _without_port(hosts[0]) not in self._reach.hosts:
            return Refused(400, "the request names a host that this server is not; name it with --allow-host when it starts")
        if len(scope["query_string"]) > QUERY or len(scope.get("raw_path") or scope["path"].encode()) > PATH:
            return Refused(414, f"the address is too long: {PATH} bytes of path and {QUERY} of query at most")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            return Refused(400, "Content-Length is no number")
        if len(length) > len(str(BODY)) or int(length) > BODY:
            return _too_large()
        bearer, known = self._known(headers)
        if self._token is not None and not known and scope["path"] != OPEN:
            asks = {"WWW-Authenticate": 'Basic realm="Assay", charset="UTF-8"'}
            return Refused(401, "give the token: Authorization: Bearer TOKEN, or as the password of any user", asks)
        if scope["method"] not in _READING and not bearer and not _same_origin(headers, hosts[0]):
            return Refused(403, "this changes something, and comes from another site; send it from this one, or with the token")
        return None

    def _known(self, headers: Headers) -> tuple[bool, bool]:
        """Whether a request has the token as its bearer, and whether it has it at all."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if self._token is None:
            return False, False
        if scheme.lower() == "bearer":
            equal = hmac.compare_digest(_digest(given.strip()), self._token)
            return equal, equal
        if scheme.lower() == "basic":
            try:
                password = base64.b64decode(given.strip(), validate=True).decode().partition(":")[2]
            except (binascii.Error, ValueError):
                return False, False
            return False, hmac.compare_digest(_digest(password), self._token)
        return False, False


async def _whole(receive: Receive) -> bytes:
    """A request's body, or as much of it as is too much."""
    parts, size = [], 0
    while size <= BODY:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body", False):
            break
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read already, then whatever comes after it."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Message:
        return left.pop() if left else await receive()

    return read


def _digest(token: str) -> bytes:
    """What tokens are compared by: of one length, whatever was given."""
    return hashlib.sha256(token.encode()).digest()


def _too_large() -> Refused:
    return Refused(413, f"the body is too large: {BODY:,} bytes at most; send it in parts")


def _without_port(host: str) -> str:
    """The name of a Host header, in lower case; of [::1]:8000 it is ::1."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _same_origin(headers: Headers, host: str) -> bool:
    """Whether a request comes from a page of this server, or from no page at all: browsers say where a POST comes from."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2].lower() == host.lower()
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")
