"""POST /api/events: what users did, singly or in batches, acknowledged when it is on disk."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import pydantic_core
from fastapi import APIRouter, Header, HTTPException, Request
from pydantic import BaseModel

from assay.app.server.api.asked import REFUSALS
from assay.engines.journal import Batch
from assay.errors import NotThereError
from assay.pages.serving import Refusal
from assay.serving.events import MOST_EVENTS, Event, EventError, EventStore, EventsUnavailable, Rules, Stored, batch

MOST_BYTES = 1 << 20  # of a body
_LARGE = 1 << 14  # bytes, some hundred events
PATIENCE = 15.0  # seconds for the disk
_AGAIN = {"Retry-After": "1"}


class Acknowledged(BaseModel):
    """The events are on disk. repeated: they were already, under the same key, and were not stored again."""

    key: str
    events: int
    repeated: bool


_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: REFUSALS[401],
    403: {"model": Refusal, "description": "sent by a page of another site"},
    400: {"model": Refusal, "description": "not JSON, no events, no key, or an event that cannot be"},
    409: {"model": Refusal, "description": "the key belongs to other events"},
    413: {"model": Refusal, "description": f"more than {MOST_BYTES:,} bytes"},
    503: {"model": Refusal, "description": "not stored, or not known to be: send it again under the same key"},
}


off = APIRouter(include_in_schema=False)


@off.post("/api/events")
def off_post() -> None:
    """Where no events are kept."""
    raise NotThereError("this server keeps no events; start it with --events FILE_OR_URL")


def _body() -> dict[str, Any]:
    """What OpenAPI says of the body: an event, a list of events, or an object with key and events."""
    event = Event.model_json_schema()
    many = {"type": "array", "items": event, "minItems": 1, "maxItems": MOST_EVENTS}
    key = {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"}
    keyed = {"type": "object", "properties": {"key": key, "events": many}, "required": ["events"], "additionalProperties": False}
    alone = {**event, "properties": {**event["properties"], "key": key}}
    return {"required": True, "content": {"application/json": {"schema": {"anyOf": [alone, many, keyed]}}}}


def router(store: EventStore, rules: Callable[[], Rules] = Rules) -> APIRouter:
    """The routes of events, which are kept in a store. rules: asked for each batch, since a run may be remade."""
    routes = APIRouter(prefix="/api", tags=["events"])

    @routes.post("/events", responses=_REFUSALS, openapi_extra={"requestBody": _body()}, summary="Keep what users did")
    async def post(request: Request, idempotency_key: Annotated[str | None, Header()] = None) -> Acknowledged:
        """Keep an event, a list of events, or {"key": ..., "events": [...]}; the answer comes when they are on disk.

        The key stands in the header Idempotency-Key or in the field key. Events of a key that is known are acknowledged and not
        stored again, so that a client may send again whatever it got no answer for.
        """
        content = await _bytes(request)
        if len(content) > _LARGE:  # others need not wait for it
            kept = await asyncio.to_thread(_batch, content, idempotency_key, rules())
        else:
            kept = _batch(content, idempotency_key, rules())
        outcome = await _stored(store, kept)
        if outcome is Stored.TAKEN:
            raise HTTPException(409, f"the key {kept.key!r} belongs to other events; give these a key of their own")
        return Acknowledged(key=kept.key, events=len(kept.rows), repeated=outcome is Stored.REPEATED)

    return routes


async def _bytes(request: Request) -> bytes:
    """The body, of which no more is read than is allowed."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise HTTPException(413, f"a body has at most {MOST_BYTES:,} bytes; send several batches")
    return bytes(content)


def _batch(content: bytes, key: str | None, rules: Rules) -> Batch:
    """The batch that a body holds."""
    own, events = _read(content, key)
    try:
        return batch(own, events, rules, datetime.now(UTC))
    except EventError as error:
        raise HTTPException(400, str(error)) from None


def _read(content: bytes, key: str | None) -> tuple[str | None, list[Any]]:
    """The key and the events of a body, as JSON has them."""
    try:
        said = pydantic_core.from_json(content)
    except ValueError as error:
        raise HTTPException(400, f"the body is no JSON: {str(error)[:120]}") from None
    if isinstance(said, list):
        return key, said
    if not isinstance(said, dict):
        raise HTTPException(400, 'send an event as an object, a list of events, or {"key": "...", "events": [...]}')
    own = said.pop("key", key)
    if key is not None and own != key:
        raise HTTPException(400, "the header Idempotency-Key and the field key differ; give one of them")
    if "events" not in said:
        return own, [said]
    if not isinstance(said["events"], list) or len(said) > 1:
        raise HTTPException(400, 'beside key there is events alone, a list: {"key": "...", "events": [...]}')
    return own, said["events"]


async def _stored(store: EventStore, kept: Batch) -> Stored:
    """What became of a batch, once it is on disk; 503 where that is not known in time."""
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(store.submit(kept))), PATIENCE)
    except TimeoutError:
        raise HTTPException(503, "the database does not answer; send the events again under the same key", _AGAIN) from None
    except EventsUnavailable:
        # What the database said names the machine; the server's log has it.
        raise HTTPException(503, "events cannot be stored now; send them again under the same key", _AGAIN) from None
