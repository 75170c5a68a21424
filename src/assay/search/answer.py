"""What a search of a run gives: the first items for a query, with the reasons of every line."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.config import Config
from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.models import named as models
from assay.numerics.ranking import tie_order
from assay.runs.store import Folder
from assay.samples.encoder import TableEncoder
from assay.samples.match import Match
from assay.samples.query_features import QueryFeatures
from assay.samples.searches import Searches, query_text
from assay.samples.stored import read_searches
from assay.samples.table import Samples
from assay.search.pool import Pool, matched, pool
from assay.text.cache import kept_embedder
from assay.text.retrieval import Retrieval

ACCOUNT, MARKET, ENCODER, INDEX, RANKER = (
    "search/account.json", "search/on_sale.parquet", "search/encoder.json", "search/index", "search/ranker",
)  # fmt: skip
DEPTH = 100  # first items of each source that a list is ranked from


def answer(run: Folder, config: Config, query: str, user_id: object | None, number: int) -> dict[str, Any]:
    """The first `number` items for a query, best first, with the reasons of each; user_id as the log holds it, or None.

    InputError: an empty query. An item that nobody could have bought lately is not on the list, however well its name fits.
    """
    text = query_text(query)
    if not text:
        raise InputError("the query is empty; give at least one word")
    account = run.read_json(ACCOUNT)
    log = CleanLog.read(run)
    asked = read_searches(run, "search")
    code = pc.index(asked.queries, pa.scalar(text)).as_py()
    seen = code >= 0
    if not seen:
        code = len(asked.queries)
        asked = Searches(asked.requests, pa.concat_arrays([asked.queries, pa.array([text])]), asked.impressions, asked.account)
    retrieval = Retrieval.load(run.directory(INDEX), kept_embedder(config.text.embedder, run.cache("vectors")))
    on_sale = run.read_table(MARKET).column("on_sale").to_numpy(zero_copy_only=False)
    made = pool(retrieval, [text], np.zeros(1, np.int64), on_sale[None], np.zeros(1, np.int64), DEPTH)
    user = (
        pc.index(log.users.column("user_id"), pa.scalar(user_id, log.users.schema.field("user_id").type)).as_py()
        if user_id is not None
        else -1
    )
    page: dict[str, Any] = {
        "query": text, "cut": len(query) > len(text) and len(text) >= 1, "user_known": user >= 0, "query_seen": seen,
        "queries_are": account["queries_are"], "derived": account["derived"], "found": len(made.item),
    }  # fmt: skip
    return page | {"items": _lines(run, config, asked, log, retrieval, made, text, code, user, number) if len(made.item) else []}


def _lines(
    run: Folder,
    config: Config,
    asked: Searches,
    log: CleanLog,
    retrieval: Retrieval,
    made: Pool,
    text: str,
    code: int,
    user: int,
    number: int,
) -> list[dict[str, Any]]:
    """The list itself."""
    n, items = len(made.item), log.items
    if user < 0:  # nobody: all that is asked of their past is unknown
        log, user = log.with_stranger()
    match = Match(asked.queries, items, retrieval)
    features = QueryFeatures(config.samples, log, asked, match)
    period = run.read_json(ACCOUNT)["period"]
    who, when, what = (np.full(n, value, np.int32) for value in (user, period, code))
    described = with_fused(features.of(who, made.item, when, what), made)
    encoder = TableEncoder.from_dict(run.read_json(ENCODER))
    keys = pa.table({"item_code": made.item})
    score = models.load(run.directory(RANKER)).predict(Samples(keys, described, encoder))
    tie = tie_order(items.column("item_id").take(pa.array(made.item)).to_pylist())
    best = np.lexsort((-tie, -score))[:number]
    lines = []
    for rank, row in enumerate(best, 1):
        item = int(made.item[row])
        facts = {name: described.column(name)[row].as_py() for name in described.column_names}
        lines.append(
            {
                "rank": rank,
                "item_id": items.column("item_id")[item].as_py(),
                "name": items.column("name")[item].as_py() or items.column("category")[item].as_py(),
                "score": float(score[row]),
                "words": matched(text, match.texts[item]),
                "rank_by_words": int(made.words[row]) or None,
                "rank_by_vectors": int(made.vectors[row]) or None,
                "taken_by_user": int(facts["pair_times_bought"] or 0),
                "taken_lately": int(facts["item_buyers_4"] or 0),
                "clicks_for_query": int(facts["match_clicks"] or 0),
                "purchases_for_query": int(facts["match_purchases"] or 0),
            }
        )
    return lines


def with_fused(features: pa.Table, made: Pool) -> pa.Table:
    """Features and what retrieval says of the item."""
    return features.append_column("text_fused", pa.array(made.fused, pa.float32()))
