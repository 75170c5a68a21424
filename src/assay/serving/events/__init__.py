"""Events that come back: what was shown and done is kept durably, and is the next log."""

from assay.engines.journal import Stored
from assay.serving.events.event import MOST_EVENTS, Event, EventError, Rules, batch
from assay.serving.events.exploration import Exploration
from assay.serving.events.exposures import GivenList, give
from assay.serving.events.outcomes import outcomes, target_propensities
from assay.serving.events.store import Counts, EventStore, EventsUnavailable

__all__ = [
    "MOST_EVENTS", "Counts", "Event", "EventError", "EventStore", "EventsUnavailable", "Exploration", "GivenList", "Rules",
    "Stored", "batch", "give", "outcomes", "target_propensities",
]  # fmt: skip
