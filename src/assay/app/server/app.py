"""The server put together, and run until it is interrupted."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import numba
import uvicorn
from anyio import to_thread
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp
from threadpoolctl import threadpool_limits

from assay import __version__
from assay.app.server import errors, events, judge, static, views
from assay.app.server.api import ROUTERS
from assay.app.server.api.asked import REFUSALS
from assay.app.server.guard import Guard
from assay.app.server.metering import Metering, Meters
from assay.app.server.pages import PAGES, first
from assay.app.server.site import Reach, Site
from assay.app.server.speaking import Speaking
from assay.benchmark.judged.asking import Judging
from assay.errors import InputError
from assay.serving.events import Rules
from assay.serving.living import Watch

_HEAD = 16_384  # bytes of a request's line and headers
_THREADS = 8  # that compute answers: more of them would only take turns, and all answers be late
_TOGETHER = 256  # requests that are answered at a time; more are told to come again


def make(site: Site) -> FastAPI:
    """The application of a site, without its guard."""

    @asynccontextmanager
    async def living(_app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = _THREADS
        watch = Watch([*site.runs, *site.kept.values()])
        watch.start()
        yield
        watch.stop()
        site.giving.close()

    app = FastAPI(
        title="Assay",
        version=__version__,
        summary="Lists, searches and explanations of finished runs.",
        docs_url=None,
        redoc_url=None,
        lifespan=living,
    )
    app.state.site, app.state.pages, app.state.meters = site, PAGES, Meters()
    for router in (*_own(site, app.state.meters), *ROUTERS, static.router, first, *(page.router for page in PAGES)):
        app.include_router(router)
    errors.install(app)
    return app


def _own(site: Site, meters: Meters) -> Iterator[APIRouter]:
    """Routes of what only some servers have; where one has it not, others say what it takes."""
    if isinstance(site.judging, Judging):
        yield judge.router(site.judging, views.page, REFUSALS)
    if site.giving.store is None:
        yield events.off
    else:
        meters.watch(site.giving.store)
        yield events.router(site.giving.store, lambda: site.run(None).at_hand(Rules.of))


def guarded(app: FastAPI) -> ASGIApp:
    """The application as it is reached."""
    site = app.state.site
    return Guard(Speaking(Metering(app, app.state.meters), site), site.reach, static.picture_places(site))


def listen(reach: Reach) -> socket.socket:
    """A socket at the address. InputError: it is in use, or no address of this machine."""
    family = socket.AF_INET6 if ":" in reach.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, asyncio sends small answers at once
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((reach.host, reach.port))
        listening.listen(128)
    except (OSError, OverflowError, UnicodeError) as error:
        listening.close()
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            f"{reach.host}, port {reach.port}: cannot be listened at ({why}); take another with --port or --host"
        ) from None
    return listening


def address(reach: Reach, listening: socket.socket) -> str:
    """The address that a browser takes."""
    host = f"[{reach.host}]" if ":" in reach.host else reach.host
    return f"http://{host}:{listening.getsockname()[1]}/"


def serve(site: Site, listening: socket.socket) -> None:
    """Answer until interrupted."""
    numba.config.THREADING_LAYER = "threadsafe"  # type: ignore[attr-defined]  # many threads ask at once
    threadpool_limits(1)  # of BLAS: its threads wait for each other at full speed, which keeps other answers waiting
    settings = uvicorn.Config(
        guarded(make(site)),
        access_log=False,
        log_level="error",  # a warning for each request that is refused would be millions
        server_header=False,
        h11_max_incomplete_event_size=_HEAD,
        limit_concurrency=_TOGETHER,
        proxy_headers=False,
    )
    with suppress(KeyboardInterrupt):  # how it is ended
        uvicorn.Server(settings).run(sockets=[listening])
