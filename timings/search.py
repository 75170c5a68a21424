"""Are the places of a list told as they are, and do weights by them bring what is learnt nearer to true relevance?

python timings/search.py [LOGS]   4 logs by default, each made with another seed

Each log is made (assay.testing.search): 200 users, 20 weeks, 3 searches a week, lists of 8, place k looked at with 1 / k, one
list in ten shuffled. Items of one make are put forward whatever they are worth, so that clicks by place mislead. Relevance is
known.
"""

import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from assay.logs.clean_log import CleanLog
from assay.numerics import families, glm, products
from assay.numerics.position_bias import Examination, effective_size, harvested, randomised, regression_em
from assay.samples.searches import searches
from assay.testing.search import SearchLog, make_search_log

CLIP, BEST = 10.0, 5


def shown(log: SearchLog) -> tuple[NDArray[np.int64], ...]:
    """Query, item, place, click and propensity (n,) of every shown item."""
    events = log.events
    users = pc.unique(events.column("user_id")).sort()
    item = pc.index_in(events.column("item_id"), log.items.column("item_id").combine_chunks())
    events = events.append_column("user_code", pc.index_in(events.column("user_id"), users).cast(pa.int32()))
    events = events.append_column("item_code", item.cast(pa.int32()))
    asked = searches(CleanLog.of(events, pa.table({"user_id": users}), log.items), 7, 30.0)
    number = np.array([log.queries.index(text) for text in asked.queries.to_pylist()])
    query = number[asked.column("query_code")[asked.of("request")]]
    return query, asked.of("item_code"), asked.of("position"), asked.of("clicked").astype(int), asked.of("propensity")


def curves(log: SearchLog) -> Iterator[tuple[str, Examination]]:
    """Every method on one log."""
    query, item, place, click, propensity = shown(log)
    pair = query * log.items.num_rows + item
    rows = np.bincount(place - 1)
    rate = np.bincount(place - 1, click) / rows
    yield "clicks by place", Examination(rate / rate[0], rows, "naive")
    yield "logged propensity", randomised(place, click, propensity)
    yield "harvested (AllPairs)", harvested(pair, place, click)
    yield "regression EM", regression_em(place, click, one_hot(pair, log.relevance.size))


def one_hot(pair: NDArray[np.int64], size: int) -> sparse.csr_array:
    """(n, 1 + size): a constant and the pair."""
    columns = np.stack((np.zeros_like(pair), pair + 1), axis=1).ravel()
    return sparse.csr_array(
        (np.ones(len(columns), np.float32), columns, np.arange(0, len(columns) + 1, 2)), shape=(len(pair), size + 1)
    )


def learnt(log: SearchLog, curve: Examination | None) -> tuple[float, float, float]:
    """nDCG@5 against true relevance over all items of each query, log-loss of true clicks when looked at, effective positives."""
    query, item, place, click, _ = shown(log)
    size = log.items.num_rows
    X = one_hot(query * size + item, log.relevance.size)
    weight = np.ones(len(click)) if curve is None else curve.weights(place, click, CLIP)
    found = glm.fit(X, click, l2=1.0, sample_weight=weight)
    every = one_hot(np.arange(log.relevance.size), log.relevance.size)
    p = families.probability(products.margins(every, found.coef)).reshape(log.relevance.shape)
    order = np.argsort(-p, axis=1, kind="stable")[:, :BEST]
    discount = 1 / np.log2(np.arange(2, BEST + 2))
    ideal = -np.sort(-log.relevance, axis=1)[:, :BEST] @ discount
    gain = (np.take_along_axis(log.relevance, order, axis=1) @ discount) / ideal
    loss = -(log.relevance * np.log(p) + (1 - log.relevance) * np.log1p(-p)).mean()
    return float(gain.mean()), float(loss), effective_size(weight[click > 0]) / click.sum()


def main(logs: int, users: int = 200) -> None:
    made = [make_search_log(users=users, weeks=20, searches=3, boost=0.5, seed=seed) for seed in range(logs)]
    true = made[0].examination
    methods: dict[str, list[Examination]] = {}
    for log in made:
        for name, curve in curves(log):
            methods.setdefault(name, []).append(curve)
    print(f"{'':<24}{'place 2':>9}{'4':>9}{'8':>9}{'error':>9}{'ndcg@5':>9}{'log-loss':>10}{'of positives':>14}")
    print(f"{'true examination':<24}{true[1]:>9.3f}{true[3]:>9.3f}{true[7]:>9.3f}")
    known = Examination(true, np.zeros(len(true), np.int64), "known")
    for name, found in {"no weights": None, "weights by the truth": [known] * logs, **methods}.items():
        judged = np.mean([learnt(log, None if found is None else found[k]) for k, log in enumerate(made)], axis=0)
        mean = np.mean([curve.examination for curve in found], axis=0) if found else np.full(8, np.nan)
        error = np.mean([np.abs(curve.examination - true)[1:].mean() for curve in found]) if found else np.nan
        places = "".join(f"{value:>9.3f}" if np.isfinite(value) else f"{'':>9}" for value in (mean[1], mean[3], mean[7], error))
        print(f"{name:<24}{places}{judged[0]:>9.4f}{judged[1]:>10.4f}{judged[2]:>14.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
