"""Counts and times of requests, as Prometheus reads them."""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.serving.events import EventStore

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

    def watch(self, store: EventStore) -> None:
        """Count what a store does, too."""
        self.registry.register(_OfStore(store))

    def text(self) -> bytes:
        """All meters in Prometheus' text format."""
        return bytes(generate_latest(self.registry))


class _OfStore(Collector):
    """What a store of events has done, read when it is asked for."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """The store's counts."""
        counts = self._store.counts()
        yield CounterMetricFamily("assay_events_stored", "Events and exposures that were stored.", value=counts.events)
        yield CounterMetricFamily("assay_event_commits", "Transactions that stored them.", value=counts.commits)
        batches = CounterMetricFamily("assay_event_batches", "Batches and lists by what became of them.", labels=("outcome",))
        for outcome in ("batches", "repeated", "taken", "unavailable"):
            batches.add_metric(["new" if outcome == "batches" else outcome], getattr(counts, outcome))
        yield batches
        yield GaugeMetricFamily("assay_events_waiting", "Events that are not written yet.", value=counts.waiting)


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
