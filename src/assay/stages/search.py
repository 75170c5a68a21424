"""Index the texts of the items and train a ranker of searches, and say what they are worth on test."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import Config
from assay.errors import InputError
from assay.evaluation.claims import DECIDES_RANKED
from assay.language import english
from assay.logs.clean_log import CleanLog
from assay.logs.history import History
from assay.models.lambdarank import LambdaRank
from assay.models.logistic import LogisticRegression
from assay.models.recommender import Recommending
from assay.models.scorer import Scorer
from assay.numerics.hashing import mix
from assay.numerics.position_bias import Examination
from assay.numerics.ranking import tie_order
from assay.pages.samples import SamplesMade
from assay.pages.search import SearchMade
from assay.runs.stage import Work, stage
from assay.runs.store import write_json
from assay.samples.encoder import TableEncoder
from assay.samples.known_items import HOW, known_items
from assay.samples.match import Match, item_texts, item_words
from assay.samples.query_features import QUERY_ENCODING, QueryFeatures
from assay.samples.rows import SampleRows
from assay.samples.searches import Searches, searches
from assay.samples.splits import split_periods
from assay.samples.table import Samples
from assay.search.pool import DEPTH, Pool, judged, per_request, pool, with_fused
from assay.search.searcher import ENCODER, INDEX, MARKET, RANKER, WORDS
from assay.search.snapshot import FOLDER, snapshot
from assay.stages import materials as hand
from assay.tables import SEARCH_OUTCOMES, SPLITS
from assay.text.cache import kept_embedder
from assay.text.retrieval import Retrieval

# Splits that searches are chosen from, and how many at most.
_CHOSEN: dict[str, tuple[tuple[str, ...], int]] = {
    "train": (("train", "validation"), 4_000),
    "tuning": (("tuning",), 1_000),
    "test": (("test",), 2_000),
}
_DEPTH = {"train": 50, "test": DEPTH}  # first items of each source
_LISTED = english("people can only take what some list showed them: systems like the one that made the lists are flattered")


@stage(
    follows=("clean", "samples", "features", "train"),
    reads=("samples", "models", "text", "encode", "evaluate", "seed"),
    makes=("search/*",),
    pages=(SearchMade,),
)
def search(work: Work) -> None:
    """search/: index/, ranker/, encoder.json, on_sale.parquet, words.parquet, snapshot/ and account.json.

    Searches are the log's own where it has queries, else derived known-item queries. Rankers learn from searches of train and
    validation that took something, over the pool that they will rank; the one with the better ndcg@10 on tuning serves. Test is
    read once, by systems that are all declared here; recommenders among the run's models are rivals that do not read the query.
    InputError: a table of the user's own, items without texts, or no search that took anything.
    """
    run, config = work.folder, work.config
    if (log := CleanLog.find(run)) is None:
        raise InputError("a table of labelled samples has no items to search in; search needs a run from a log ([log])")
    work.report(0, 7)
    texts = item_texts(log.items)
    past = log.history(config.samples.target, config.samples.period_days)
    log_searches, derived = _searches(config, log)
    retrieval = Retrieval(kept_embedder(config.text.embedder, run.cache("vectors"))).fit(texts)
    retrieval.save(run.path(INDEX))
    work.report(1, 7)
    own_words = item_words(log.items)
    run.write_table(WORDS, own_words)
    sets = _Sets(work, log_searches, past, log, Match(log_searches.queries, own_words, retrieval))
    period = past.next_period(config.samples.period_days)
    on_sale = next(past.markets(period, period + 1, config.samples.available)).on_sale
    run.write_table(MARKET, pa.table({"on_sale": on_sale}))
    tables, sets.left_out = snapshot(sets.features.describer, log.events("user_code", "item_code"), log_searches, on_sale, period)
    for unit in list(tables):
        run.write_table(f"{FOLDER}/{unit}.parquet", tables.pop(unit))
    chosen = {name: sets.chosen(*_CHOSEN[name]) for name in _CHOSEN}
    train_pool, train = sets.samples(chosen["train"], _DEPTH["train"])
    encoder = TableEncoder.fit(train.features, QUERY_ENCODING, config.encode)
    train = _weighted(work, replace(train, encoder=encoder), sets, chosen["train"], train_pool)
    work.report(2, 7)
    trees, l2 = config.models.lightgbm_trees, config.models.l2
    rankers: dict[str, Scorer] = {"LambdaRank": LambdaRank(trees, leaves=15, truncation=10), "logistic": LogisticRegression(l2)}
    for done, model in enumerate(rankers.values()):
        model.fit(train, rng=np.random.default_rng(config.seed))
        work.report(3 + done, 7)
    rivals = [model for name in hand.names(work) if isinstance(model := hand.model(work, name), Recommending)]
    tie = tie_order(log.items.column("item_id").to_pylist())
    scored: dict[str, dict[str, pa.Table]] = {}
    samples_of: dict[str, Samples] = {}
    for done, name in enumerate(("tuning", "test")):
        candidates, samples_of[name] = sets.samples(chosen[name], _DEPTH["test"])
        seen = replace(samples_of[name], encoder=encoder)
        scores = candidates.systems() | {each: model.predict(seen) for each, model in rankers.items()}
        scores |= {model.name: liked(model, seen) for model in rivals}
        who, truth = log_searches.column("user_code")[chosen[name]], sets.taken[chosen[name]]
        scored[name] = {each: per_request(candidates, score, seen.label, truth, tie, who) for each, score in scores.items()}
        work.report(6 + done, 7)
    tuned = {name: pc.mean(scored["tuning"][name].column(DECIDES_RANKED)).as_py() for name in rankers}
    served = max(tuned, key=lambda name: tuned[name])
    files = rankers[served].save(run.path(RANKER))
    test = samples_of["test"]
    page = SearchMade(
        derived=derived,
        queries_are=HOW if derived else english("the log's own"),
        warning=HOW if derived else _LISTED if log_searches.column("listed").any() else None,
        searches=log_searches.account,
        served=served,
        tuning=tuned,
        requests={name: len(rows) for name, rows in chosen.items()},
        rows={"train": len(train), "test": len(test)},
        share_of_positives=float(train.label.mean()),
        depth=_DEPTH,
        in_pool=float(test.label.sum() / max(sets.taken[chosen["test"]].sum(), 1)),
        period=period,
        left_out=list(sets.left_out),
        systems=judged(scored["test"], "fused", resamples=config.evaluate.resamples, seed=config.seed),
    )
    run.write(page)
    write_json(run.path(ENCODER), encoder.to_dict())
    run.keep([ENCODER, *files, *run.path(INDEX).iterdir()])


def _searches(config: Config, log: CleanLog) -> tuple[Searches, bool]:
    """The log's searches, or derived ones where it has none; and whether they are derived."""
    section = config.samples
    if section.target not in SEARCH_OUTCOMES:
        raise InputError(f"[samples] target {section.target!r} is not what a search leads to; take {', '.join(SEARCH_OUTCOMES)}")
    own = searches(log, section.period_days, section.search_minutes)
    if len(own):
        return own, False
    return known_items(log, section.target, section.period_days, config.seed), True


class _Sets:
    """Pools of chosen searches as samples."""

    left_out: Sequence[str] = ()  # features that cannot be kept for serving

    def __init__(self, work: Work, log_searches: Searches, past: History, log: CleanLog, match: Match) -> None:
        self.config, self.searches, self.past, self.retrieval = work.config, log_searches, past, match.retrieval
        self.users, self.items, self.section = log.users, log.items, work.config.samples
        self.truth = log_searches.outcome(self.section.target)
        self.taken = np.bincount(log_searches.of("request")[self.truth], minlength=len(log_searches)).astype(np.int64)
        self.splits = split_periods(past.first_day, past.last_day, self.section)
        self.features = QueryFeatures(self.section, log, log_searches, match)

    def chosen(self, splits: tuple[str, ...], most: int) -> NDArray[np.int64]:
        """Searches (m,) of some splits that took something, at most so many by hash; InputError when there is none."""
        period = self.searches.column("period")
        split = np.where(period < self.splits.end, self.splits.of(period), len(SPLITS))
        rows = np.flatnonzero((self.taken > 0) & np.isin(split, [SPLITS.index(name) for name in splits]))
        if not len(rows):
            raise InputError(f"no search of {' and '.join(splits)} led to a {self.section.target!r} event; bring a longer log")
        order = np.argsort(mix(self.config.seed, self.searches.column("request_id")[rows]), kind="stable")
        return np.asarray(np.sort(rows[order[:most]]))

    def samples(self, chosen: NDArray[np.int64], depth: int) -> tuple[Pool, Samples]:
        """The pool of chosen searches, and its rows as samples without an encoder."""
        query, period = self.searches.column("query_code")[chosen], self.searches.column("period")[chosen]
        begin, end = int(period.min()), int(period.max()) + 1
        on_sale = np.stack([market.on_sale for market in self.past.markets(begin, end, self.section.available)])
        candidates = pool(self.retrieval, self.searches.queries.to_pylist(), query, on_sale, period - begin, depth)
        rows = chosen[candidates.request]
        size = len(self.items)
        truth = self.searches.of("request")[self.truth] * size + self.searches.of("item_code")[self.truth]
        label = np.isin(rows * size + candidates.item, truth).astype(np.int8)
        time = self.searches.requests.column("timestamp").take(pa.array(rows)).combine_chunks()
        split = self.splits.of(self.searches.column("period")[rows])
        user, request = (self.searches.column(name)[rows] for name in ("user_code", "request_id"))
        draw = np.zeros(len(rows), np.int32)
        keyed = SampleRows(request, user, candidates.item, period[candidates.request], time, split, label, draw)
        keys = keyed.keys(self.users, self.items, self.past.user_hash, self.past.item_hash)
        described = self.features.of(user, candidates.item, period[candidates.request], query[candidates.request])
        return candidates, Samples(keys, with_fused(described.drop_columns(list(self.left_out)), candidates))


def liked(model: Recommending, samples: Samples) -> NDArray[np.float64]:
    """(n,) what a recommender of the run says of user and item, whatever the query; NaN for items that it does not know."""
    column = model.fitted().columns(samples.item)
    score = model.told(samples).score(samples.user, column, samples.period)
    return np.where(column >= 0, score, np.nan)


def _weighted(work: Work, train: Samples, sets: _Sets, chosen: NDArray[np.int64], candidates: Pool) -> Samples:
    """The samples under the weights that undo position bias, where the run's samples have learnt it."""
    if work.config.samples.request != "query":
        return train
    bias = SamplesMade.read(work.folder).position_bias
    if bias is None or bias.examination is None or bias.clip is None:
        return train
    size, log_searches = len(sets.items), sets.searches
    pair = log_searches.of("request") * size + log_searches.of("item_code")  # in order
    wanted = chosen[candidates.request] * size + candidates.item
    at = np.minimum(np.searchsorted(pair, wanted), len(pair) - 1)
    position = pc.fill_null(log_searches.impressions.column("position"), 0).to_numpy()
    place = np.where(pair[at] == wanted, position[at], 0)
    examination = Examination(np.array(bias.examination), np.array(bias.rows), bias.method or "")
    return train.with_weight(examination.weights(place, train.label, bias.clip))
