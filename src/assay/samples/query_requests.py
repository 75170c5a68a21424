"""Requests of queries: a search of the log, labelled by what came of the items that it showed or could have shown."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.numerics.periods import hours
from assay.numerics.position_bias import Examination, effective_size, harvested, randomised, regression_em
from assay.samples.encoder import Encoding, TableEncoder
from assay.samples.match import Match, item_texts, item_words
from assay.samples.query_features import QueryFeatures
from assay.samples.rows import Chunk, SampleRows, Weights, varying
from assay.samples.searches import searches
from assay.samples.shown import CANDIDATE_SOURCES, KINDS, Shown, candidates, labelled
from assay.samples.splits import split_periods
from assay.samples.table import Samples
from assay.tables import SEARCH_OUTCOMES, SPLITS
from assay.text.embed import Embedder
from assay.text.retrieval import Retrieval


class QueryRequests:
    """Samples and candidates of every search of a log, and the weights that undo position bias; see make.Requests.

    Nobody's next search is known: there are no upcoming candidates. Timestamps are those of searches. InputError: a target that
    no search leads to, no search, no target event among what searches led to, or items without any text. SplitError: too few
    periods.
    """

    candidate_sources = CANDIDATE_SOURCES
    advice = "check [samples] target and the mapping of events"

    def __init__(self, section: SamplesSection, seed: int, log: CleanLog, embedder: Embedder | None) -> None:
        if section.target not in SEARCH_OUTCOMES:
            raise InputError(
                f"[samples] target {section.target!r} is nothing that a search leads to; take {', '.join(SEARCH_OUTCOMES)}"
            )
        self.section, self.seed, self.log, self.embedder = section, seed, log, embedder
        self.searches = searches(log, section.period_days, section.search_minutes)
        if not len(self.searches):
            raise InputError('the log has no search with a query; map a query column, or set [samples] request = "user"')
        if not self.searches.outcome(section.target).any():
            raise InputError(f"no search led to a {section.target!r} event; set [samples] target, or raise search_minutes")
        self.past = log.history(section.target, section.period_days)
        self.splits = split_periods(self.past.first_day, self.past.last_day, section)

    @cached_property
    def retrieval(self) -> Retrieval:
        """The index of the items' texts."""
        return Retrieval(self.embedder).fit(item_texts(self.log.items))

    @cached_property
    def _match(self) -> Match:
        return Match(self.searches.queries, item_words(self.log.items), self.retrieval)

    @cached_property
    def _lists(self) -> NDArray[np.int64]:
        """(Q, m) what retrieval finds for the queries of searches without a list on record."""
        unlisted = ~self.searches.column("listed")
        return self._match.lists(self.searches.column("query_code")[unlisted], self.section.candidates_query)

    @cached_property
    def _features(self) -> QueryFeatures:
        return QueryFeatures(self.section, self.log, self.searches, self._match)

    @property
    def encoding(self) -> Encoding:
        """How features are encoded; complete when rows were described."""
        return self._features.encoding

    def kept(self, features: pa.Table, train: NDArray[np.bool_]) -> list[str]:
        """The features that vary in train."""
        return varying(features, train)

    def labelled(self) -> Chunk:
        """What searches showed and what they led to; drawn negatives where what they showed is not on record."""
        splits = self.splits
        rows, account = labelled(self.searches, self.past, self._lists, splits.begins[0], splits.end, self.section, self.seed)
        keys = self._keys(rows).append_column("kind", pa.DictionaryArray.from_arrays(pa.array(rows.kind), pa.array(KINDS)))
        keys = keys.append_column("hour", pa.array(hours(keys.column("timestamp"), self.log.time_zone)))
        return Chunk(keys, lambda: self._described(rows), account, lambda samples: self._weighed(rows, samples))

    def ranked(self) -> Iterator[tuple[str, Chunk]]:
        """Candidates of the searches of tuning and test that took something."""
        tuning, _ = self.splits.span("tuning")
        offered = candidates(self.searches, self.past, self._lists, tuning, self.splits.end, self.section)
        keys = self._keys(offered).append_column("source", pa.array(offered.source))
        yield "candidates", Chunk(keys, lambda: self._described(offered))

    def _of(self, rows: Shown, name: str) -> NDArray[Any]:
        """(n,) a column of the rows' searches."""
        return np.asarray(self.searches.column(name)[rows.search])

    def _described(self, rows: Shown) -> pa.Table:
        user, query, period = (self._of(rows, name) for name in ("user_code", "query_code", "period"))
        return self._features.of(user, rows.item, period, query)

    def _keys(self, rows: Shown) -> pa.Table:
        period, past = self._of(rows, "period"), self.past
        time = self.searches.requests.column("timestamp").take(pa.array(rows.search)).combine_chunks()
        request, user = self._of(rows, "request_id"), self._of(rows, "user_code")
        keyed = SampleRows(request, user, rows.item, period, time, self.splits.of(period), rows.label, rows.draw)
        return keyed.keys(self.log.users, self.log.items, past.user_hash, past.item_hash)

    def _weighed(self, rows: Shown, samples: Samples) -> tuple[Weights, dict[str, Any]]:
        """Weights that undo position bias in train, and an account of them."""
        section, weight = self.section, np.ones(len(samples))
        if section.position_bias == "none":
            return weight, {"position_bias": {"method": "none"}}
        place = np.zeros(len(samples), np.int64)
        shown = rows.impression >= 0
        position = pc.fill_null(self.searches.impressions.column("position"), 0).to_numpy()
        place[shown] = position[rows.impression[shown]]
        train = self.splits.of(self._of(rows, "period")) == 0
        learnt = self._examination(rows, np.flatnonzero(train & (place > 0)), place, samples)
        weight = np.where(train, learnt.weights(place, rows.label, section.clip), weight)
        positive = train & (rows.label > 0)
        page = {
            "method": learnt.method,
            "examination": learnt.examination.round(6).tolist(),
            "rows": learnt.rows.tolist(),
            "clip": section.clip,
            "clipped": int((positive & (place > 0) & (weight >= section.clip)).sum()),
            "positives": int(positive.sum()),
            "effective_positives": round(effective_size(weight[positive]), 1),
            "effective_rows": round(effective_size(weight[train]), 1),
        }
        return weight, {"position_bias": page}

    def _examination(self, rows: Shown, train: NDArray[np.int64], place: NDArray[np.int64], samples: Samples) -> Examination:
        """What the training rows (m,) say of how places are looked at."""
        at, label, impressions = place[train], rows.label[train], self.searches.impressions
        if self.section.position_bias == "logged":
            propensity = impressions.column("propensity").to_numpy(zero_copy_only=False)
            return randomised(at, label, propensity[rows.impression[train]])
        if self.section.position_bias == "harvested":
            query = self._of(rows, "query_code")[train].astype(np.int64)
            return harvested(query * (int(rows.item.max()) + 1) + rows.item[train], at, label)
        return regression_em(at, label, samples.take(train).matrix())

    def tables(self, keys: pa.Table) -> dict[str, pa.Table]:  # noqa: ARG002
        """requests: searches of tuning and test that took something, when, what for, how many items; and all searches."""
        searches, splits = self.searches, self.splits
        taken = np.bincount(searches.of("request")[searches.outcome(self.section.target)], minlength=len(searches))
        split = splits.of(searches.column("period"))
        inside = (split >= SPLITS.index("tuning")) & (searches.column("period") < splits.end)
        rows = np.flatnonzero((taken > 0) & inside)
        names = ("request_id", "user_code", "period", "query_code", "timestamp")
        columns: dict[str, Any] = {name: searches.requests.column(name).take(pa.array(rows)) for name in names}
        columns["query"] = searches.queries.take(columns["query_code"])
        columns["split"] = pa.array(SPLITS).take(pa.array(split[rows]))
        return {"requests": pa.table(columns | {"truth_count": taken[rows].astype(np.int32)}), **searches.tables()}

    def account(self, keys: pa.Table, encoder: TableEncoder, constant: list[str]) -> dict[str, Any]:
        """Searches, requests by split, dates of the splits, the features that do not vary, columns that a row has entries in."""
        split, request = keys.column("split").to_numpy(zero_copy_only=False), keys.column("request_id").to_numpy()
        return {
            "searches": self.searches.account,
            "requests": {name: len(np.unique(request[split == name])) for name in SPLITS},
            "splits": self.splits.dates(self.section.period_days),
            "constant_features_left_out": constant,
            "entries_a_row": len(encoder.blocks),
        }
