"""Search in an opened run: the first items for a query, with the reasons of every line."""

import numpy as np
import pyarrow as pa

from assay.errors import InputError
from assay.finished import Finished
from assay.models import named as models
from assay.numerics.ranking import tie_order
from assay.pages.answers import FoundItem, SearchAnswer
from assay.pages.search import SearchMade
from assay.samples.encoder import TableEncoder
from assay.samples.match import Match, joined_texts
from assay.samples.searches import query_text
from assay.samples.table import Samples
from assay.search.pool import DEPTH, Pool, matched, pool, with_fused
from assay.search.snapshot import Snapshot
from assay.text.cache import kept_embedder
from assay.text.retrieval import Retrieval
from assay.text.words import words

MARKET, WORDS, ENCODER = "search/on_sale.parquet", "search/words.parquet", "search/encoder.json"
_FACTS = ["pair_times_bought", "item_buyers_4", "match_clicks", "match_purchases"]  # that the reasons of a line are made of
INDEX, RANKER = "search/index", "search/ranker"


class Searcher:
    """What a search of a run needs, read once: `run.at_hand(Searcher)`. It takes no lock, and looks at neither log nor engine.

    InputError: the stage `search` has not run, or the run was made again since it was opened.
    """

    def __init__(self, run: Finished) -> None:
        self.account = SearchMade.read(run)
        self.on_sale = run.read_table(MARKET).column("on_sale").to_numpy(zero_copy_only=False)
        self.encoder = TableEncoder.from_dict(run.read_json(ENCODER))
        self.ranker = run.load(RANKER, models.load)
        embedder = kept_embedder(run.config.text.embedder, run.cache("vectors"))
        self.retrieval = run.load(INDEX, lambda folder: Retrieval.load(folder, embedder))
        self.own_words = run.read_table(WORDS)
        self.snapshot = Snapshot.read(run)

    def search(self, query: str, user_id: object | None = None, number: int = 10) -> SearchAnswer:
        """The first `number` items for a query, best first, with the reasons of each; user_id as the log holds it, or None.

        InputError: an empty query. An item that nobody could have bought lately is not on the list, however well its name fits.
        """
        text = query_text(query)
        if not text:
            raise InputError("the query is empty; give at least one word")
        start = np.zeros(1, np.int64)
        candidates = pool(self.retrieval, [text], start, self.on_sale[None], start, DEPTH)
        user, code = self.snapshot.user_code(user_id), self.snapshot.query_code(text)
        return SearchAnswer(
            query=text,
            cut=len(query) > len(text),
            user=None if user_id is None else str(user_id),
            user_known=user is not None,
            query_seen=code is not None,
            queries_are=self.account.queries_are,
            derived=self.account.derived,
            found=len(candidates.item),
            items=self._lines(candidates, text, code, user, number) if len(candidates.item) else [],
        )

    def _lines(self, candidates: Pool, text: str, query: int | None, user: int | None, number: int) -> list[FoundItem]:
        """The list itself."""
        match = Match(pa.array([text]), self.own_words, self.retrieval)
        features = with_fused(self.snapshot.describe(user, candidates.item, query, match), candidates)
        items = self.snapshot.items.take(pa.array(candidates.item))
        score = self.ranker.predict(Samples(pa.table({"item_code": candidates.item}), features, self.encoder))
        best = np.lexsort((-tie_order(items.column("item_id").to_pylist()), -score))[:number]
        facts, listed = features.select(_FACTS).take(pa.array(best)).to_pylist(), items.take(pa.array(best))
        texts, query_words = joined_texts(listed), words(text)
        return [
            FoundItem(
                rank=place + 1,
                item_id=item["item_id"],
                name=item["name"] or item["category"],
                score=float(score[row]),
                words=matched(query_words, texts[place]),
                rank_by_words=int(candidates.words[row]) or None,
                rank_by_vectors=int(candidates.vectors[row]) or None,
                taken_by_user=int(facts[place]["pair_times_bought"] or 0),
                taken_lately=int(facts[place]["item_buyers_4"] or 0),
                clicks_for_query=int(facts[place]["match_clicks"] or 0),
                purchases_for_query=int(facts[place]["match_purchases"] or 0),
            )
            for place, (row, item) in enumerate(zip(best, listed.to_pylist(), strict=True))
        ]
