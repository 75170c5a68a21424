"""Requests of users: a user in a period of the log, labelled by what they took in it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.logs.history import Codes
from assay.numerics.periods import starts
from assay.samples.candidates import CANDIDATE_SOURCES, Candidates, candidates
from assay.samples.describe import Describer
from assay.samples.encoder import LOG_ENCODING, Encoding, TableEncoder
from assay.samples.labels import KINDS, label
from assay.samples.rows import Chunk, SampleRows, varying
from assay.samples.splits import split_periods
from assay.tables import SPLITS


class UserRequests:
    """Samples, candidates and upcoming candidates of every user and period of a log; see make.Requests.

    InputError: no target event. SplitError: too few periods.
    """

    candidate_sources = CANDIDATE_SOURCES
    advice = "check [samples] target and the mapping of events"
    retrieval = None

    def __init__(self, section: SamplesSection, seed: int, log: CleanLog) -> None:
        self.section, self.seed, self.log = section, seed, log
        self.past = log.history(section.target, section.period_days)
        if not len(self.past.bought):
            kinds = ", ".join(sorted(pc.unique(log.events("event").column(0)).to_pylist()))
            raise InputError(f"no {section.target!r} event in the log, which has {kinds}; set [samples] target to one of these")
        self.splits = split_periods(self.past.first_day, self.past.last_day, section)

    @cached_property
    def _describer(self) -> Describer:
        section, log = self.section, self.log
        return Describer(
            log.events(), log.returned(), log.users, log.items, section.target, section.period_days, section.features
        )

    @property
    def encoding(self) -> Encoding:
        """How features are encoded, those of the user's own families too; complete when rows were described."""
        return replace(LOG_ENCODING, binned=(*LOG_ENCODING.binned, *self._describer.own))

    def kept(self, features: pa.Table, train: NDArray[np.bool_]) -> list[str]:
        """The features that vary in train."""
        return varying(features, train)

    def labelled(self) -> Chunk:
        """What users took, and what they did not though it was shown, or on sale."""
        drawn = label(self.past, self.splits.begins[0], self.splits.end, self.section, self.seed)
        split = self.splits.of(drawn.period)
        keys = self._keys(drawn.user, drawn.item, drawn.period, drawn.draw, drawn.label, split)
        kinds = pa.DictionaryArray.from_arrays(pa.array(drawn.kind, pa.int8()), pa.array(KINDS))
        keys = keys.append_column("kind", kinds).append_column("hour", pa.array(drawn.hour))
        return Chunk(keys, lambda: self._describer.describe(drawn.user, drawn.item, drawn.period), drawn.account)

    def ranked(self) -> Iterator[tuple[str, Chunk]]:
        """Candidates of the requests of tuning and test, then those of every user in the period after the log."""
        tuning, _ = self.splits.span("tuning")
        offered = candidates(self.past, tuning, self.splits.end, self.section)
        yield "candidates", self._offered(offered, self.splits.of(offered.period))
        after = self.past.next_period(self.section.period_days)
        offered = candidates(self.past, after, after + 1, self.section, everyone=True)
        yield "upcoming", self._offered(offered, np.full(len(offered.user), len(SPLITS)))

    def _offered(self, offered: Candidates, split: NDArray[np.int64]) -> Chunk:
        draw = np.zeros(len(offered.user), np.int32)
        keys = self._keys(offered.user, offered.item, offered.period, draw, offered.label, split)
        keys = keys.append_column("source", pa.array(offered.source))
        return Chunk(keys, lambda: self._describer.describe(offered.user, offered.item, offered.period))

    def _keys(
        self, user: Codes, item: Codes, period: Codes, draw: NDArray[np.int32], label: NDArray[np.int8], split: NDArray[np.int64]
    ) -> pa.Table:
        past, time = self.past, starts(period, self.section.period_days)
        rows = SampleRows(past.request_ids(user, period), user, item, period, time, split, label, draw)
        return rows.keys(self.log.users, self.log.items, past.user_hash, past.item_hash)

    def tables(self) -> dict[str, pa.Table]:
        """requests: who, when, and how many distinct items were taken, of every request of tuning and test."""
        past, (tuning, _) = self.past, self.splits.span("tuning")
        rows = past.bought.between(tuning, self.splits.end)
        users = len(past.user_hash)
        packed, counts = np.unique(past.bought.period[rows].astype(np.int64) * users + past.bought.user[rows], return_counts=True)
        user, period = (packed % users).astype(np.int32), (packed // users).astype(np.int32)
        columns = {
            "request_id": past.request_ids(user, period),
            "user_code": user,
            "period": period,
            "split": pa.array(SPLITS).take(pa.array(self.splits.of(period))),
            "truth_count": counts.astype(np.int32),
        }
        return {"requests": pa.table(columns)}

    def account(self, keys: pa.Table, encoder: TableEncoder, constant: list[str]) -> dict[str, Any]:  # noqa: ARG002
        """Dates of the splits, the features that do not vary, and how many columns a row has an entry in."""
        return {
            "splits": self.splits.dates(self.section.period_days),
            "constant_features_left_out": constant,
            "entries_a_row": len(encoder.blocks),
        }
