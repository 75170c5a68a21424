"""Features of a user, an item and a query: behaviour by SQL, texts by retrieval, how frequent the query is."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from assay.config import SamplesSection
from assay.language import english
from assay.logs.clean_log import CleanLog
from assay.logs.history import Codes
from assay.numerics.beyond import head_items
from assay.samples.describe import Describer
from assay.samples.encoder import LOG_ENCODING, Encoding
from assay.samples.match import Match
from assay.samples.searches import Searches

QUERY_ENCODING = replace(
    LOG_ENCODING,
    one_hot=(*LOG_ENCODING.one_hot, "query", "query_class"),
    binned=(
        *LOG_ENCODING.binned, "text_bm25", "text_words_in_name", "text_words_in_category", "text_similarity", "query_words",
        "query_searches_16", "query_click_share", "match_clicks", "match_purchases", "match_click_rate", "match_click_share",
    ),
)  # fmt: skip
_RECENT = 16  # periods that a query's class is told from
_HEAD, _TORSO = 0.5, 0.9  # of all searches


class QueryFeatures:
    """Describes (user, item, query) as it stood at the start of a period."""

    def __init__(self, section: SamplesSection, log: CleanLog, searches: Searches, match: Match) -> None:
        self.searches, self.match = searches, match
        self.describer = Describer(
            log.events(), log.returned(), log.users, log.items, section.target, section.period_days, section.features,
            searches=searches,
        )  # fmt: skip

    @property
    def encoding(self) -> Encoding:
        """How features are encoded, those of the user's own families too; complete when rows were described."""
        return replace(QUERY_ENCODING, binned=(*QUERY_ENCODING.binned, *self.describer.own))

    def of(self, user: Codes, item: Codes, period: Codes, query: Codes) -> pa.Table:
        """(n,) rows; all that they say is older than the period, texts apart."""
        table = self.describer.describe(user, item, period, query)
        more = self.match.features(query, item)
        for name in more.column_names:
            table = table.append_column(name, more.column(name))
        texts = pa.DictionaryArray.from_arrays(pa.array(query, pa.int32()), self.searches.queries)
        table = table.append_column("query", texts)
        return table.append_column("query_class", frequency_class(self.searches, query, period))


def frequency_class(searches: Searches, query: Codes, period: Codes) -> pa.DictionaryArray:
    """head: the queries that made up the first half of the searches of the 16 periods before; torso: up to 90 %; tail; new."""
    names = pa.array([english("head"), english("torso"), english("tail"), english("new")])
    code, when, of = np.full(len(query), 3, np.int32), searches.column("period"), searches.column("query_code")
    for one in np.unique(period):
        before = (when >= one - _RECENT) & (when < one)
        counts = np.bincount(of[before], minlength=len(searches.queries))
        head, torso = head_items(counts, _HEAD), head_items(counts, _TORSO)
        classes = np.where(head, 0, np.where(torso, 1, np.where(counts > 0, 2, 3)))
        rows = period == one
        code[rows] = classes[query[rows]]
    return pa.DictionaryArray.from_arrays(pa.array(code), names)
