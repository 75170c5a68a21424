"""Whether the server is there, and what it did so far."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from assay.app.server.metering import TYPE, Meters

router = APIRouter(tags=["health"])


@router.get("/healthz", response_class=PlainTextResponse)
def healthz() -> str:
    """`ok` as soon as requests are answered; the one address that asks for no token."""
    return "ok\n"


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Requests and their times by route, in Prometheus' text format."""
    meters = request.app.state.meters
    assert isinstance(meters, Meters)
    return Response(meters.text(), media_type=TYPE)
