"""Do judgements from clicks rank the items of a query as their relevance does, and do their intervals hold it?

python timings/judgements.py [LOGS]   5 logs by default for each setting, each made with another seed

Each log is made (assay.testing.search): 60 users, 16 weeks, 2 searches a week, 16 queries, lists of 8 of 40 items, place k looked
at with 1 / k ** eta, one list in ten shuffled. Of each query's items 5 fit, with a relevance of .15 to .85; 35 do not, .02 each.
The old ranker orders by relevance plus normal noise, .25 by default: the less noise, the better it ranks.

Compared within each query: Kendall's rank correlation with true relevance, over pairs of items whose relevance differs (Somers'
D). COEC is clicks / sum of the mean click rates of the places where the item stood (Zhang and Jones, WWW 2007); CTR is clicks /
impressions, without any correction.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import stats

import assay
from assay.testing.search import SearchLog, make_search_log, search_config

SETTINGS = {
    "default": {},
    "a better ranker (noise .1)": {"noise": 0.1},
    "the best ranker (noise .05)": {"noise": 0.05},
    "a poor ranker (noise .5)": {"noise": 0.5},
    "one make put forward": {"boost": 1.0},
    "places matter more (eta 1.5)": {"eta": 1.5},
    "places matter less (eta .5)": {"eta": 0.5},
    "a long log (52 weeks)": {"weeks": 52},
    "few searches (20 users, 8 weeks)": {"users": 20, "weeks": 8},
}
SETS = ("all pairs", "items that fit", "graded")
FITS = 0.1  # relevance above it


def pairs_of(log: SearchLog, folder: Path) -> pa.Table:
    """What `assay.judgements` makes of a log, and the rivals and the truth beside: coec, ctr, relevance."""
    run = assay.run(search_config(folder / "shop", log), folder=folder / "run", until="clean", report=lambda *_: None)
    table = assay.judgements(run).table
    code = {name: k for k, name in enumerate(log.items.column("item_id").to_pylist())}
    keys = list(zip(table.column("query").to_pylist(), table.column("item_id").to_pylist(), strict=True))
    rivals, clicks = coec(log), table.column("clicks").to_numpy()
    relevance = [log.relevance[log.queries.index(query), code[item]] for query, item in keys]
    columns = {"coec": [rivals[key] for key in keys], "ctr": clicks / table.column("impressions").to_numpy()}
    for name, values in (columns | {"relevance": relevance}).items():
        table = table.append_column(name, pa.array(values, pa.float64()))
    return table


def coec(log: SearchLog) -> dict[tuple[str, str], float]:
    """Clicks over expected clicks of every query and item, row by row, from the raw events."""
    rows = log.events.select(["session_id", "item_id", "event", "query", "position"]).to_pylist()
    clicked = {(row["session_id"], row["item_id"]) for row in rows if row["event"] == "view"}
    shown = [
        (row["query"], row["item_id"], row["position"], (row["session_id"], row["item_id"]) in clicked)
        for row in rows
        if row["event"] == "exposure"
    ]
    of_place: dict[int, list[bool]] = {}
    for _, _, place, click in shown:
        of_place.setdefault(place, []).append(click)
    rate = {place: sum(clicks) / len(clicks) for place, clicks in of_place.items()}
    sums: dict[tuple[str, str], tuple[float, float]] = {}
    for query, item, place, click in shown:
        clicks, expected = sums.get((query, item), (0.0, 0.0))
        sums[query, item] = clicks + click, expected + rate[place]
    return {pair: clicks / expected if expected else 0.0 for pair, (clicks, expected) in sums.items()}


def agreement(table: pa.Table, score: str) -> float:
    """Mean over queries of the rank correlation of a column with relevance."""
    values = []
    for query in table.column("query").unique():
        own = table.filter(pc.equal(table.column("query"), query))
        truth, scores = (own.column(name).to_numpy() for name in ("relevance", score))
        if len(own) > 1 and np.ptp(truth) > 0:
            values.append(somers(truth, scores))
    return float(np.mean(values))


def somers(truth: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """Somers' D of a score, given truth."""
    return float(stats.somersd(stats.rankdata(truth), stats.rankdata(score)).statistic) if np.ptp(score) > 0 else 0.0


def parts(table: pa.Table) -> dict[str, pa.Table]:
    """SETS of pairs."""
    fit, graded = pc.greater(table.column("relevance"), FITS), pc.is_valid(table.column("grade"))
    return {"all pairs": table, "items that fit": table.filter(fit), "graded": table.filter(graded)}


def coverage(table: pa.Table) -> float:
    """The share of intervals that hold true relevance."""
    low, high, truth = (table.column(name).to_numpy() for name in ("low", "high", "relevance"))
    return float(((low <= truth) & (truth <= high)).mean())


def measured(logs: int, settings: dict[str, float]) -> Iterator[dict[str, list[float]]]:
    """For each log and set: the agreement of coec, ctr and the estimate, the coverage, the pairs."""
    for seed in range(logs):
        with tempfile.TemporaryDirectory() as folder:
            table = pairs_of(make_search_log(seed=seed, **settings), Path(folder))
        scores = ("coec", "ctr", "estimate")
        yield {
            name: [*(agreement(part, score) for score in scores), coverage(part), len(part)]
            for name, part in parts(table).items()
        }


def main(arguments: list[str]) -> None:
    logs = int(arguments[0]) if arguments else 5
    print(f"{logs} logs a setting; logs won: in how many the estimate is above COEC")
    print(f"{'':34}{'':16}{'COEC':>7}{'CTR':>7}{'Assay':>7}{'won':>6}{'95 % hold':>11}{'pairs':>7}")
    for setting, options in SETTINGS.items():
        rows = list(measured(logs, options))
        for name in SETS:
            figures = np.array([row[name] for row in rows])
            mean, won = figures.mean(axis=0), int((figures[:, 2] > figures[:, 0]).sum())
            line = "".join(f"{value:7.3f}" for value in mean[:3])
            print(
                f"{setting if name == SETS[0] else '':34}{name:16}{line}{won:4}/{logs}{mean[3]:11.3f}{mean[4]:7.0f}", flush=True
            )


if __name__ == "__main__":
    main(sys.argv[1:])
