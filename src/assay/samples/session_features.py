"""Features of a step of a session and an item: what the session holds up to the step, and how the item sold before the period."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.numerics.baskets import ranges
from assay.samples.candidates.listing import SCORE, Candidates
from assay.samples.describe import Describer, float_column
from assay.samples.encoder import LOG_ENCODING, Encoding
from assay.samples.steps import Steps

FEATURES = (
    "session_steps", "session_items", "session_minutes", "session_pause", "pair_steps_since", "pair_steps_times",
    "category_steps_since", "category_steps_share",
)  # fmt: skip
SESSION_ENCODING = replace(
    LOG_ENCODING,
    binned=(*LOG_ENCODING.binned, *FEATURES),
    crosses=(
        ("session_steps", "pair_steps_since"),
        ("session_steps", "score_following"),
        ("session_steps", "score_session_next"),
    ),
)
_MINUTE = 60_000_000  # microseconds


class SessionFeatures:
    """Describes (step, item): the session up to the step, and item and user as they stood at the start of the period.

    What a log without returning users cannot tell of them is left out.
    """

    def __init__(self, steps: Steps, describer: Describer) -> None:
        self.steps, self.describer = steps, describer

    @property
    def encoding(self) -> Encoding:
        """How features are encoded, those of the user's own families too; complete when rows were described."""
        return replace(SESSION_ENCODING, binned=(*SESSION_ENCODING.binned, *self.describer.own))

    def of(self, rows: Candidates) -> pa.Table:
        """(n,) rows: features by SQL, of the session, and the scores of sources."""
        user = self.steps.users[rows.user]
        table = self.describer.describe(user, rows.item, rows.period, units=None if self.steps.returning else ("item",))
        scores = {SCORE.format(name): score for name, score in rows.scores.items()}
        for name, values in (self._session(rows) | scores).items():
            table = table.append_column(name, float_column(values.astype(np.float32)))
        return table

    def _session(self, rows: Candidates) -> dict[str, NDArray[Any]]:
        """All is known when the last step was made; how long the user has thought since is not.

        session_steps, session_items: steps before in the session, and how many different items they took. session_minutes: from
        its first step to its last; session_pause: between its last two. pair_, category_steps_since: steps since the item, or its
        category, was taken last; unknown where never. pair_steps_times: how often the session took the item.
        category_steps_share: of all that it took.
        """
        steps, category = self.steps, self.describer.catalogue.codes["category"]
        requests, row = np.unique(rows.user, return_inverse=True)
        first, last = (each[requests] for each in steps.steps_before)
        begins, ends = steps.takings_before(requests)
        latest = steps.instant[last - 1]
        pause = np.where(last - first > 1, (latest - steps.instant[np.maximum(last - 2, 0)]) / _MINUTE, np.nan)
        at, of = ranges(begins, ends), np.repeat(np.arange(len(requests)), ends - begins)
        size = len(category)
        pair = of * size + steps.item[at]
        features = {
            "session_steps": (last - first)[row].astype(np.float64),
            "session_items": np.bincount(np.unique(pair) // size, minlength=len(requests))[row].astype(np.float64),
            "session_minutes": ((latest - steps.instant[first]) / _MINUTE)[row],
            "session_pause": pause[row],
        }
        back = last[of] - steps.of_item[at]
        since, times = _latest(pair, back, row * size + rows.item)
        features |= {"pair_steps_since": since, "pair_steps_times": times}
        classed = category[steps.item[at]] >= 0
        since, times = _latest(
            of[classed] * size + category[steps.item[at[classed]]], back[classed],
            np.where(category[rows.item] >= 0, row * size + category[rows.item], -1),
        )  # fmt: skip
        return features | {"category_steps_since": since, "category_steps_share": times / (ends - begins)[row]}


def _latest(
    key: NDArray[np.int64], back: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) least `back` of the rows (m,) of each wanted key, and how many there are; NaN and 0 where there are none."""
    order = np.lexsort((back, key))
    keys, first, counts = np.unique(key[order], return_index=True, return_counts=True)
    if not len(keys):
        return np.full(len(wanted), np.nan), np.zeros(len(wanted))
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = keys[place] == wanted
    return np.where(there, back[order][first][place], np.nan), np.where(there, counts[place], 0).astype(np.float64)
