"""Requests of sessions: a session's next step, labelled by what it took."""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.errors import ConfigError
from assay.logs.clean_log import CleanLog
from assay.numerics.periods import hours
from assay.samples.candidates import sources
from assay.samples.candidates.listing import Candidates
from assay.samples.candidates.sessions import SessionListing
from assay.samples.candidates.sizes import sized
from assay.samples.describe import Describer
from assay.samples.encoder import Encoding, TableEncoder
from assay.samples.labels import CANDIDATE, KINDS
from assay.samples.rows import Chunk, SampleRows, varying
from assay.samples.sampled import account, sample
from assay.samples.session_features import SessionFeatures
from assay.samples.splits import split_periods
from assay.samples.steps import steps
from assay.samples.table import STEPS, Takings
from assay.tables import SPLITS


class SessionRequests:
    """Samples, candidates and upcoming candidates of every step of a session that has one before it; see make.Requests.

    What is shown on record is not told apart by steps: candidates are ranked. ConfigError: drawn negatives. InputError: no
    session has two steps. SplitError: too few periods.
    """

    candidate_sources = sources.NAMES
    advice = "check [samples] target and the mapping of session_id"
    retrieval = None

    def __init__(self, section: SamplesSection, seed: int, log: CleanLog) -> None:
        if section.negatives_from == "drawn":
            raise ConfigError('[samples] negatives_from = "drawn" has no meaning for steps of sessions; take "candidates"')
        self.section, self.seed, self.log = section, seed, log
        self.steps = steps(log, section.target, section.period_days)
        self.past = log.history(section.target, section.period_days)
        self.splits = split_periods(self.past.first_day, self.past.last_day, section)

    @cached_property
    def _features(self) -> SessionFeatures:
        section, log = self.section, self.log
        describer = Describer(
            log.events(), log.returned(), log.users, log.items, section.target, section.period_days, section.features
        )
        return SessionFeatures(self.steps, describer)

    @property
    def encoding(self) -> Encoding:
        """How features are encoded; complete when rows were described."""
        return self._features.encoding

    def kept(self, features: pa.Table, train: NDArray[np.bool_]) -> list[str]:
        """The features that vary in train."""
        return varying(features, train)

    @cached_property
    def _sized(self) -> tuple[SessionListing, list[dict[str, Any]]]:
        section, scored = self.section, sources.scored(self.section)
        listing = SessionListing(
            self.past, self.log.items, section.period_days, section.available, sources.make(), {}, scored, steps=self.steps,
            last=self.splits.end - 1,
        )  # fmt: skip
        return sized(listing, section, self.splits.span("tuning"))

    @cached_property
    def _later(self) -> Candidates:
        """Candidates of the requests of tuning and test: all are ranked, and a share of them are samples."""
        return self._sized[0].all(self.splits.span("tuning")[0], self.splits.end)

    def labelled(self) -> Chunk:
        """What steps took, and a known share of what they did not though it was a candidate."""
        begin, (tuning, _) = self.splits.begins[0], self.splits.span("tuning")
        earlier = self._sized[0].of_periods(begin, tuning)
        hashes = self.steps.ids(np.arange(len(self.steps)), self.past.user_hash).view(np.uint64), self.past.item_hash
        training = self.splits.begins[1]
        sampled = sample(chain(earlier, [self._later]), hashes, training, self.section.negatives, self.seed)
        rows = sampled.rows
        asked = self.steps.asking & (self.steps.period >= begin) & (self.steps.period < self.splits.end)
        taken = int(np.diff(self.steps.begins)[asked].sum())
        keys = self._keys(rows, self.splits.of(rows.period))
        keys = keys.set_column(keys.column_names.index("weight"), "weight", pa.array(sampled.weight))
        kind = pa.array(np.where(rows.label > 0, 0, CANDIDATE).astype(np.int8))
        keys = keys.append_column("kind", pa.DictionaryArray.from_arrays(kind, pa.array(KINDS)))
        keys = keys.append_column("hour", pa.array(hours(keys.column("timestamp"), self.log.time_zone)))
        return Chunk(keys, lambda: self._features.of(rows), account(sampled, taken, sources.NAMES))

    def ranked(self) -> Iterator[tuple[str, Chunk]]:
        """What is ranked in the requests of tuning and test, then candidates of the sessions that ended last."""
        yield "candidates", self._offered(self._later, self.splits.of(self._later.period))
        after = self.past.next_period(self.section.period_days)
        offered = self._sized[0].all(after, after + 1, everyone=True)
        yield "upcoming", self._offered(offered, np.full(len(offered), len(SPLITS)))

    def _offered(self, offered: Candidates, split: NDArray[np.int64]) -> Chunk:
        return Chunk(self._keys(offered, split), lambda: self._features.of(offered))

    def _keys(self, rows: Candidates, split: NDArray[np.int64]) -> pa.Table:
        steps = self.steps
        instant = np.append(steps.instant, steps.instant[steps.first[1:] - 1])[rows.user]
        time = pa.array(instant).cast(pa.timestamp("us", tz="UTC"))
        request, draw = steps.ids(rows.user, self.past.user_hash), np.zeros(len(rows), np.int32)
        made = SampleRows(request, steps.users[rows.user], rows.item, rows.period, time, split, rows.label, draw)
        keys = made.keys(self.log.users, self.log.items, self.past.user_hash, self.past.item_hash)
        keys = keys.append_column("source", pa.array(rows.source))
        return keys.append_column("step", pa.array(steps.numbers[rows.user]))

    def tables(self, keys: pa.Table) -> dict[str, pa.Table]:
        """requests of tuning and test, steps and takings.

        requests: who, when, how many steps of the session came before, how many items were taken, and how many of them the user
        had not taken before. steps: what these requests took. takings: all that users took, and whether a labelled row stands
        for it.
        """
        steps, (tuning, _) = self.steps, self.splits.span("tuning")
        inside = steps.asking & (steps.period >= tuning) & (steps.period < self.splits.end)
        rows = np.flatnonzero(inside)
        place, item = steps.taken(rows)
        takings, moment = self._takings(keys), steps.moments[: len(steps)].astype(np.int32)
        new = ~takings.had_before(steps.user[rows][place], item, moment[rows][place])
        ids, first = steps.ids(rows, self.past.user_hash), steps.steps_before[0][rows]
        requests = {
            "request_id": ids,
            "user_code": steps.user[rows],
            "period": steps.period[rows],
            "split": pa.array(SPLITS).take(pa.array(self.splits.of(steps.period[rows]))),
            "timestamp": pa.array(steps.instant[rows]).cast(pa.timestamp("us", tz="UTC")),
            "steps": (rows - first).astype(np.int32),
            "truth_count": np.bincount(place, minlength=len(rows)).astype(np.int32),
            "new_count": np.bincount(place, new, len(rows)).astype(np.int32),
        }
        taken = {"user_code": takings.user, "item_code": takings.item, "moment": takings.moment, "sampled": takings.sampled}
        truth = {"request_id": ids[place], "item_code": item}
        return {"requests": pa.table(requests), "steps": pa.table(truth), "takings": pa.table(taken)}

    def _takings(self, keys: pa.Table) -> Takings:
        steps, items = self.steps, len(self.past.item_hash)
        moment, of = steps.moments[: len(steps)].astype(np.int32), steps.of_item
        positive = keys.filter(pc.equal(keys.column("label"), 1))
        own = steps.ids(np.arange(len(steps)), self.past.user_hash)
        sampled = _pairs(positive.column("request_id").to_numpy(), positive.column("item_code").to_numpy(), own, items)
        standing = np.isin(of.astype(np.int64) * items + steps.item, sampled)
        return Takings(steps.user[of], steps.item, moment[of], standing, STEPS)

    def account(self, keys: pa.Table, encoder: TableEncoder, constant: list[str]) -> dict[str, Any]:
        """Sessions, requests by split, dates, the features that do not vary, columns that a row has an entry in, sources."""
        positives = int(pc.sum(keys.column("label")).as_py())
        of = self.splits.of(self.steps.period)
        inside = self.steps.asking & (self.steps.period < self.splits.end)
        listing, chosen = self._sized
        return {
            "ratio": round((keys.num_rows - positives) / max(positives, 1), 6),
            "sessions": self.steps.account(),
            "requests": {name: int((inside & (of == k)).sum()) for k, name in enumerate(SPLITS)},
            "splits": self.splits.dates(self.section.period_days),
            "constant_features_left_out": constant,
            "entries_a_row": len(encoder.blocks),
            "candidate_sizes": dict(listing.sizes),
            "candidate_steps": chosen,
        }


def _pairs(request: NDArray[np.int64], item: NDArray[np.int32], ids: NDArray[np.int64], items: int) -> NDArray[np.int64]:
    """(n,) step * items + item of rows by request id; ids (s,): of steps."""
    order = np.argsort(ids)
    return order[np.searchsorted(ids[order], request)] * items + item
