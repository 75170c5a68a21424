"""Counts and times of requests, as Prometheus reads them."""

import time

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
TYPE = CONTENT_TYPE_LATEST


class Meters:
    """Meters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("assay_requests", "Requests by route and status.", ("route", "status"), registry=self.registry)
        self.seconds = Histogram(
            "assay_request_seconds", "Seconds until an answer was made.", ("route",), buckets=_BUCKETS, registry=self.registry
        )

    def text(self) -> bytes:
        """All meters in Prometheus' text format."""
        return bytes(generate_latest(self.registry))


class Metering:
    """An ASGI application whose requests are counted by their route, which names no user and no item."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app, self._meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            route = scope.get("route")
            path = "none" if route is None else route.path
            self._meters.requests.labels(path, str(status)).inc()
            self._meters.seconds.labels(path).observe(time.perf_counter() - began)
