"""An event that a client tells of: what it may say, what it must, and the sentence where it does not."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from assay.engines.journal import ID_LENGTH, QUERY_LENGTH, Batch
from assay.errors import InputError, did_you_mean
from assay.pages.log import SourcesRead
from assay.runs.store import Folder
from assay.tables import EVENT_KINDS

MOST_EVENTS = 1_000  # in a batch
EARLY = timedelta(minutes=5)  # by which a client's clock may be ahead
_DIGITS = 15  # of money: a float gives so many back as they were
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_WORDS = {"rating": "review"}  # of clients -> our kinds


class EventError(InputError):
    """Events that cannot be taken as they are: which one, what is wrong, what to send."""


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str):
        raise ValueError("give text")
    if not value.strip():
        raise ValueError("is empty; give text, or leave it out")
    if len(value) > longest:
        raise ValueError(f"has {len(value):,} characters; give at most {longest:,}")
    if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueError("holds a character that is no text (NUL, or half of a pair)")
    return value


def _ident(value: object) -> str:
    """An id as the log has it: text, or a whole number as its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not -(2**63) <= value < 2**63:
            raise ValueError("is beyond 64 bits; give it as text")
        return str(value)
    if not isinstance(value, str):
        raise ValueError("give an id as text or as a whole number")
    return _text(value, ID_LENGTH)


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("give a time as text with its zone, for example 2026-01-31T18:05:00+01:00")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is no time; write for example 2026-01-31T18:05:00+01:00") from None
    if moment.tzinfo is None:
        raise ValueError("has no zone; write for example 2026-01-31T18:05:00Z, or leave it out: the server's clock counts then")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no time of this calendar") from None
    if moment < _FIRST:
        raise ValueError("is before 1970")
    return moment


def _money(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("give money as a number or as text, for example 12.50")
    try:
        amount = Decimal(str(value))
    except (InvalidOperation, ValueError):
        raise ValueError("is no number; write for example 12.50") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError("give money of 0 or more")
    if amount >= 10**_DIGITS or len(amount.normalize().as_tuple().digits) > _DIGITS:
        raise ValueError(f"has more than {_DIGITS} digits")
    return amount


Ident = Annotated[str, BeforeValidator(_ident, json_schema_input_type=int | str)]
Query = Annotated[str, BeforeValidator(lambda value: _text(value, QUERY_LENGTH), json_schema_input_type=str)]
Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]
Money = Annotated[Decimal, BeforeValidator(_money, json_schema_input_type=float | str)]


class Event(BaseModel):
    """What a user did: view, cart, purchase, return, rating or review, search, or a kind of the config's own.

    Every kind but search names an item. A search has a query, a rating its rating. Who did it says user_id; of an unknown visitor
    session_id, or list_id, is taken for it. list_id and position: of the list, as the server gave it, from which the item was
    taken. price: for one piece, in whole currency. A time that is left out is the server's own.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    event: str = Field(max_length=64)
    user_id: Ident | None = None
    item_id: Ident | None = None
    timestamp: Moment | None = None
    session_id: Ident | None = None
    list_id: Ident | None = None
    query: Query | None = None
    quantity: float | None = Field(None, gt=0, le=1e9, allow_inf_nan=False)
    price: Money | None = None
    rating: float | None = Field(None, ge=-1e6, le=1e6, allow_inf_nan=False)
    position: int | None = Field(None, ge=1, le=1_000_000)

    @property
    def who(self) -> str | None:
        """Who did it: the user, else the session, else the list."""
        return self.user_id or self.session_id or self.list_id


@dataclass(frozen=True)
class Rules:
    """What the log of a run says of its events. own_kinds: beside tables.EVENT_KINDS. minor_units: decimals of the currency."""

    own_kinds: frozenset[str] = frozenset()
    minor_units: int = 2

    @classmethod
    def of(cls, run: Folder) -> "Rules":
        """The rules of a run's log; those of any log where the run has none."""
        if not run.exists(SourcesRead.path):
            return cls()
        log = SourcesRead.read(run)
        return cls(frozenset(log.own_kinds), log.minor_units)

    @property
    def kinds(self) -> list[str]:
        """Every kind that a client may send. Exposures are the server's own."""
        return [*(kind for kind in EVENT_KINDS if kind != "exposure"), *_WORDS, *sorted(self.own_kinds)]


def batch(key: object, events: Sequence[object], rules: Rules, now: datetime) -> Batch:
    """The batch of events, as JSON has them, that came under an idempotency key at an instant (UTC); else an EventError."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise EventError(
            "give each batch an idempotency key, in the header Idempotency-Key or the field key: 1 to 128 letters, digits and "
            ". _ : -; the same one when you send the same batch again"
        )
    if not 1 <= len(events) <= MOST_EVENTS:
        raise EventError(f"a batch has 1 to {MOST_EVENTS:,} events, this one has {len(events):,}; send several")
    parsed = [_parsed(content, number, rules, now) for number, content in enumerate(events, 1)]
    said = [event.model_dump(mode="json", exclude_none=True) for event in parsed]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    received = micros(now)
    return Batch(key, digest, received, [_row(event, received) for event in parsed])


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an instant."""
    return (moment - _FIRST) // timedelta(microseconds=1)


def _parsed(content: object, number: int, rules: Rules, now: datetime) -> Event:
    """An event that may be stored; EventError says what is wrong with it."""
    try:
        event = Event.model_validate(content)
    except ValidationError as error:
        raise EventError(f"event {number}: {_sentence(error)}") from None
    wrong = _wrong(event, rules, now)
    if wrong is not None:
        raise EventError(f"event {number}: {wrong}")
    return event


def _sentence(error: ValidationError) -> str:
    """The first fault that pydantic found."""
    fault = error.errors(include_url=False)[0]
    field = ".".join(str(part)[:80] for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = ", ".join(Event.model_fields)
        return f"{field!r} is no field of an event{did_you_mean(field, Event.model_fields)}; fields: {known}"
    if fault["type"] == "missing":
        return f"{field} is missing; say what happened, for example view or purchase"
    if not field:
        return "give an object with the fields of an event"
    words = fault["msg"].removeprefix("Value error, ")
    return f"{field}: {words[:1].lower()}{words[1:]}"


def _wrong(event: Event, rules: Rules, now: datetime) -> str | None:
    """What is wrong with an event whose fields are sound by themselves."""
    if event.event == "exposure":
        return "exposures are written by the server when it gives a list; send what users did"
    if event.event not in rules.kinds:
        known = ", ".join(rules.kinds)
        return f"unknown kind {event.event[:64]!r}{did_you_mean(event.event, rules.kinds)}; kinds: {known}"
    if event.who is None:
        return "nobody did it; give user_id, or session_id of an unknown visitor"
    if event.event == "search":
        if event.query is None:
            return "a search needs its query"
        if event.item_id is not None:
            return "a search has no item_id; send what was taken from its list as a view, cart or purchase"
    elif event.item_id is None:
        return f"a {event.event} needs item_id"
    if event.event in ("review", "rating") and event.rating is None:
        return f"a {event.event} needs the field rating"
    if event.timestamp is not None and event.timestamp > now + EARLY:
        return f"timestamp is after the server's clock ({now.isoformat(timespec='seconds')}); set your clock, or leave it out"
    exponent = event.price.normalize().as_tuple().exponent if event.price is not None else 0
    if isinstance(exponent, int) and -exponent > rules.minor_units:
        return f"price {event.price} has more decimals than the log's currency, which has {rules.minor_units}"
    return None


def _row(event: Event, received: int) -> Mapping[str, Any]:
    """An event as it is stored."""
    return {
        "event": _WORDS.get(event.event, event.event),
        "time_us": micros(event.timestamp) if event.timestamp is not None else received,
        "user_id": event.who,
        "item_id": event.item_id,
        "session_id": event.session_id,
        "list_id": event.list_id,
        "query": event.query,
        "quantity": event.quantity,
        "price": float(event.price) if event.price is not None else None,
        "rating": event.rating,
        "position": event.position,
    }
