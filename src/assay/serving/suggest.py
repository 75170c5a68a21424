"""Suggestions for a search box: what people asked, and what items are called, that begins as what was typed."""

from bisect import bisect_left
from heapq import nsmallest

import pyarrow as pa

from assay.finished import Finished
from assay.pages.search import SearchMade
from assay.pages.serving import Suggestions
from assay.search.snapshot import FOLDER
from assay.serving.items import Items

_QUERIES = f"{FOLDER}/query.parquet"
_MOST = 80  # characters of a suggestion
_LAST = "\U0010ffff"  # sorts behind every text


class Suggester:
    """Names and categories of items on sale and the log's own queries, in order: `run.at_hand(Suggester)`."""

    def __init__(self, run: Finished) -> None:
        items = run.at_hand(Items)
        weight: dict[str, int] = {}
        few = (
            items.table.select(["name", "category"])
            .append_column("taken", pa.array(items.taken_lately))
            .filter(pa.array(items.on_sale))
        )
        for line in few.to_pylist():
            for text in (line["name"], line["category"]):
                if text and len(text) <= _MOST:
                    weight[text] = weight.get(text, 0) + line["taken"]
        most = max(weight.values(), default=0)
        if run.exists(_QUERIES) and not SearchMade.read(run).derived:
            for query in run.read_table(_QUERIES, ["query"]).column("query").to_pylist():
                if query and len(query) <= _MOST:
                    weight[query] = weight.get(query, 0) + most  # people asked for it in these words
        self._texts = sorted((text.casefold(), -taken, text) for text, taken in weight.items())

    def of(self, begin: str, number: int) -> Suggestions:
        """At most `number` texts that begin so, whatever their case; none for an empty beginning."""
        key = begin.strip().casefold()
        low, high = bisect_left(self._texts, (key,)), bisect_left(self._texts, (key + _LAST,))
        best = nsmallest(number, self._texts[low:high] if key else [], key=lambda one: (one[1], one[0]))
        return Suggestions(suggestions=list(dict.fromkeys(text for _, _, text in best)))
