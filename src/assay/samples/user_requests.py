"""Requests of users: a user in a period of the log, labelled by what they took in it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.logs.history import Codes, History
from assay.logs.takings import counted
from assay.numerics.periods import starts
from assay.samples.candidates import sources
from assay.samples.candidates.listing import SCORE, Candidates, Listing
from assay.samples.candidates.sizes import sized
from assay.samples.describe import Describer, float_column
from assay.samples.draws import expected_draws
from assay.samples.encoder import LOG_ENCODING, Encoding, TableEncoder
from assay.samples.labels import CANDIDATE, KINDS, Labelled, exposed_periods, label
from assay.samples.rows import Chunk, SampleRows, gain_lists, joined, varying
from assay.samples.sampled import account, sample
from assay.samples.splits import dates, split_periods
from assay.tables import SPLITS


class UserRequests:
    """Samples, candidates and upcoming candidates of every user and period of a log; see make.Requests.

    InputError: no target event. SplitError: too few periods.
    """

    candidate_sources = sources.NAMES
    advice = "check [samples] target and the mapping of events"
    retrieval = None

    def __init__(self, section: SamplesSection, seed: int, log: CleanLog) -> None:
        self.section, self.seed, self.log = section, seed, log
        self.past = log.history(section.target, section.period_days, counted(log, section))
        if not len(self.past.bought):
            kinds = ", ".join(sorted(pc.unique(log.events("event").column(0)).to_pylist()))
            if section.positive is not None or section.labels != "binary":
                raise InputError("no event of the log is a taking; check [samples] target, positive, grades and amount")
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

    @cached_property
    def _sized(self) -> tuple[Listing, list[dict[str, Any]]]:
        section, scored = self.section, sources.scored(self.section)
        listing = Listing(self.past, self.log.items, section.period_days, section.available, sources.make(), {}, scored)
        return sized(listing, section, self.splits.span("tuning"))

    @property
    def _listing(self) -> Listing:
        """How candidates are found."""
        return self._sized[0]

    @cached_property
    def _later(self) -> Candidates:
        """Candidates of the requests of tuning and test: all are ranked, and a share of them are samples."""
        tuning, _ = self.splits.span("tuning")
        return self._listing.all(tuning, self.splits.end)

    @cached_property
    def _ranked(self) -> Candidates:
        """What is ranked in tuning and test: candidates, and in periods with exposures what was shown.

        What was not shown could hardly be taken: to rank it too would measure who made the old lists.
        """
        begin, _ = self.splits.span("tuning")
        exposed = np.flatnonzero(self._exposed) + self.splits.begins[0]
        exposed = exposed[exposed >= begin]
        if not len(exposed):
            return self._later
        listed = self._later.take(np.flatnonzero(~np.isin(self._later.period, exposed)))
        both = Candidates.joined([listed, self._shown(exposed)], list(self._later.scores))
        return both.take(np.lexsort((both.item, both.user, both.period)))

    def _shown(self, periods: NDArray[np.int64]) -> Candidates:
        """What was shown or taken in some periods of tuning and test, of those who took any of it; sources as they named it."""
        rows = label(self.past, periods.tolist(), self.section, self.seed)
        users, items = len(self.past.user_hash), len(self.past.item_hash)
        request = rows.period.astype(np.int64) * users + rows.user
        at = np.flatnonzero(np.isin(request, request[rows.label > 0]))
        user, item, period = rows.user[at], rows.item[at], rows.period[at]
        listed = (self._later.period.astype(np.int64) * users + self._later.user) * items + self._later.item
        wanted = request[at] * items + item
        place = np.minimum(np.searchsorted(listed, wanted), max(len(listed) - 1, 0))
        named = listed[place] == wanted if len(listed) else np.zeros(len(at), bool)
        source = np.where(named, self._later.source[place] if len(listed) else 0, 0).astype(np.int16)
        return Candidates(user, item, period, source, rows.label[at], self._listing.scores_of(user, item, period))

    def labelled(self) -> Chunk:
        """What users took, and what they did not though it was shown, or a candidate."""
        section, every = self.section, np.arange(self.splits.begins[0], self.splits.end)
        if section.negatives_from == "drawn" or self._exposed.all():
            return self._of_labels(label(self.past, every.tolist(), section, self.seed))
        chunk = self._of_candidates(every[~self._exposed])
        if not self._exposed.any():
            return chunk
        return joined(chunk, self._of_labels(label(self.past, every[self._exposed].tolist(), section, self.seed)))

    @cached_property
    def _exposed(self) -> NDArray[np.bool_]:
        """(n,) whether anything was shown in each period of the splits."""
        return np.isin(np.arange(self.splits.begins[0], self.splits.end), exposed_periods(self.past))

    def _exposures(self) -> list[dict[str, str | int]] | None:
        """Stretches of periods in which anything was shown; None where nothing was."""
        turns = self.splits.begins[0] + np.flatnonzero(np.diff(self._exposed, prepend=False, append=False))
        stretches = turns.reshape(-1, 2).tolist()
        return [dates(begin, end, self.section.period_days) for begin, end in stretches] or None

    def _of_labels(self, drawn: Labelled) -> Chunk:
        split = self.splits.of(drawn.period)
        keys = self._keys(drawn.user, drawn.item, drawn.period, drawn.draw, drawn.label, split)
        keys = self._with_kind(keys, drawn.kind, np.zeros(len(drawn.user), np.int16), drawn.hour)

        def describe() -> pa.Table:
            scores = self._listing.scores_of(drawn.user, drawn.item, drawn.period)
            return _with_scores(self._describer.describe(drawn.user, drawn.item, drawn.period), scores)

        return Chunk(keys, describe, drawn.account)

    def _of_candidates(self, periods: NDArray[np.int64]) -> Chunk:
        """Candidates of the requests of some periods, rising: all that was taken, a known share of the rest.

        The share is that of the periods of training; of all where none of these is among them.
        """
        tuning, _ = self.splits.span("tuning")
        earlier = (part for p in periods[periods < tuning].tolist() for part in self._listing.of_periods(p, p + 1))
        later = self._later.take(np.flatnonzero(np.isin(self._later.period, periods)))
        training = self.splits.begins[1] if periods[0] < self.splits.begins[1] else self.splits.end
        sampled = sample(
            chain(earlier, [later]), (self.past.user_hash, self.past.item_hash), training, self.section.negatives, self.seed,
            self._taken_otherwise if self._others else None,
        )  # fmt: skip
        rows = sampled.rows
        taken = int(np.isin(self.past.bought.period, periods).sum())
        keys = self._keys(
            rows.user, rows.item, rows.period, np.zeros(len(rows), np.int32), rows.label, self.splits.of(rows.period)
        )
        keys = keys.set_column(keys.column_names.index("weight"), "weight", pa.array(sampled.weight))
        kind = np.where(rows.label > 0, 0, CANDIDATE).astype(np.int8)
        keys = self._with_kind(keys, kind, rows.source, self.past.hours(rows.user, rows.period))
        return Chunk(keys, self._describes(rows), account(sampled, taken, sources.NAMES))

    @cached_property
    def _others(self) -> list[History]:
        """Who took what by the targets beside the run's own."""
        return [self.log.history(kind, self.section.period_days) for kind in self.section.also]

    def _taken_otherwise(self, part: Candidates) -> NDArray[np.bool_]:
        """(n,) whether each candidate was taken by another target."""
        return np.asarray(np.any([past.amounts(part.user, part.item, part.period) > 0 for past in self._others], axis=0))

    def _with_kind(self, keys: pa.Table, kind: NDArray[np.int8], source: NDArray[np.int16], hour: NDArray[np.int8]) -> pa.Table:
        kinds = pa.DictionaryArray.from_arrays(pa.array(kind, pa.int8()), pa.array(KINDS))
        return keys.append_column("kind", kinds).append_column("source", pa.array(source)).append_column("hour", pa.array(hour))

    def _describes(self, rows: Candidates) -> Callable[[], pa.Table]:
        return lambda: _with_scores(self._describer.describe(rows.user, rows.item, rows.period), rows.scores)

    def ranked(self) -> Iterator[tuple[str, Chunk]]:
        """What is ranked in the requests of tuning and test, then candidates of every user in the period after the log."""
        yield "candidates", self._offered(self._ranked, self.splits.of(self._ranked.period))
        after = self.past.next_period(self.section.period_days)
        offered = self._listing.all(after, after + 1, everyone=True)
        yield "upcoming", self._offered(offered, np.full(len(offered), len(SPLITS)))

    def _offered(self, offered: Candidates, split: NDArray[np.int64]) -> Chunk:
        draw = np.zeros(len(offered), np.int32)
        keys = self._keys(offered.user, offered.item, offered.period, draw, offered.label, split)
        keys = keys.append_column("source", pa.array(offered.source))
        if self.section.negatives_from == "drawn" and not len(self.past.shown):
            keys = keys.append_column("draws", pa.array(self._draws(offered)))
        return Chunk(keys, self._describes(offered))

    def _draws(self, offered: Candidates) -> NDArray[np.float64]:
        """(n,) how often each candidate would be drawn as a negative."""
        draws = np.empty(len(offered))
        for period in np.unique(offered.period).tolist():
            [moment] = self._listing.moments(period, period + 1)
            rows = offered.period == period
            draws[rows] = expected_draws(moment, offered.user[rows], offered.item[rows], self.section)
        return draws

    def _keys(
        self, user: Codes, item: Codes, period: Codes, draw: NDArray[np.int32], label: NDArray[np.int8], split: NDArray[np.int64]
    ) -> pa.Table:
        past, time = self.past, starts(period, self.section.period_days)
        rows = SampleRows(past.request_ids(user, period), user, item, period, time, split, label, draw)
        keys = rows.keys(self.log.users, self.log.items, past.user_hash, past.item_hash)
        return keys if past.amount is None else keys.append_column("amount", pa.array(past.amounts(user, item, period)))

    def tables(self, keys: pa.Table) -> dict[str, pa.Table]:
        """requests of tuning and test, and takings.

        requests: who, when, how many distinct items were taken, and how many of them were new to the user. takings: all that
        users took, and whether a labelled row stands for it.
        """
        past, (tuning, _) = self.past, self.splits.span("tuning")
        rows = past.bought.between(tuning, self.splits.end)
        users = len(past.user_hash)
        request = past.bought.period[rows].astype(np.int64) * users + past.bought.user[rows]
        packed, place, counts = np.unique(request, return_inverse=True, return_counts=True)
        user, period = (packed % users).astype(np.int32), (packed // users).astype(np.int32)
        columns = {
            "request_id": past.request_ids(user, period),
            "user_code": user,
            "period": period,
            "split": pa.array(SPLITS).take(pa.array(self.splits.of(period))),
            "truth_count": counts.astype(np.int32),
            "new_count": np.bincount(place, past.first_takings[rows], len(packed)).astype(np.int32),
        }
        if past.amount is not None:
            columns["gains"] = gain_lists(place, past.amount[rows], len(packed))
        return {"requests": pa.table(columns), "takings": self._takings(keys)}

    def _takings(self, keys: pa.Table) -> pa.Table:
        bought, users, items = self.past.bought, len(self.past.user_hash), len(self.past.item_hash)

        def packed(user: NDArray[Any], item: NDArray[Any], period: NDArray[Any]) -> NDArray[np.int64]:
            return np.asarray((period.astype(np.int64) * users + user) * items + item, np.int64)

        positive = keys.filter(pc.equal(keys.column("label"), 1))
        own = packed(*(positive.column(name).to_numpy() for name in ("user_code", "item_code", "period")))
        sampled = np.isin(packed(bought.user, bought.item, bought.period), own)
        names = ("user_code", "item_code", "moment", "sampled")
        return pa.table(dict(zip(names, (bought.user, bought.item, bought.period, sampled), strict=True)))

    def account(self, keys: pa.Table, encoder: TableEncoder, constant: list[str]) -> dict[str, Any]:
        """Negatives to a positive, dates, the features that do not vary, the columns that a row has an entry in, sources."""
        positives = int(pc.sum(keys.column("label")).as_py())
        return {
            "ratio": round((keys.num_rows - positives) / max(positives, 1), 6),
            "exposures": self._exposures(),
            "splits": self.splits.dates(self.section.period_days),
            "constant_features_left_out": constant,
            "entries_a_row": len(encoder.blocks),
            "candidate_sizes": dict(self._listing.sizes),
            "candidate_steps": self._sized[1],
        }


def _with_scores(table: pa.Table, scores: Mapping[str, NDArray[np.float32]]) -> pa.Table:
    """Features, and the scores of sources of candidates as more of them."""
    for name, score in scores.items():
        table = table.append_column(SCORE.format(name), float_column(score))
    return table
