"""Does the transformer earn its place? nDCG@20 beside session-kNN and ALS, all three tuned on the same earlier data.

python timings/next_item.py RUN       a finished run of a log: requests are users in a week, truth is what they took in it
python timings/next_item.py SESSIONS  a folder with train.csv, valid.csv and test.tsv of sessions (session_id, item_id,
                                         timestamp; tab-separated): requests are prefixes, truth is the next item

Every setting of every model is fitted on what came before the tuning requests and the best by nDCG@20 on them is fitted again
on what came before the test requests. All rank the whole catalogue (of 10,000 items at most), items taken before included. The
difference on test is paired by request, its interval a bootstrap over users (sessions).
"""

import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from pyarrow import csv

from assay.config import parse
from assay.logs.clean_log import CleanLog
from assay.models.als import Als
from assay.models.next_item import Transformer
from assay.models.recommender import Recommending
from assay.models.session_knn import SessionKnn
from assay.runs.store import Folder
from assay.samples.splits import split_periods

K, ITEMS, BOOT = 20, 10_000, 1000
GRIDS: dict[str, dict[str, list[Any]]] = {
    "session_knn": {"neighbours": [50, 100, 300], "sample": [1000, 5000], "recent": [5, 60, 300]},
    "als": {"factors": [128, 256], "l2": [0.1, 10.0], "confidence": [10.0, 40.0, 160.0]},
    "transformer": {"factors": [32, 64]},
}
KINDS: dict[str, type[Recommending]] = {"session_knn": SessionKnn, "als": Als, "transformer": Transformer}
Events = tuple[np.ndarray, np.ndarray, np.ndarray]  # user, item, period


@dataclass
class Requests:
    """What is asked: the events that each request's history holds, its user, and what was taken (request, item)."""

    known: Events
    user: np.ndarray
    truth: tuple[np.ndarray, np.ndarray]


@dataclass
class Problem:
    """Events before the tuning requests and before the test requests, and the requests. baskets: sessions are one period."""

    train: dict[str, Events]
    asked: dict[str, Requests]
    sessions: bool


def of_run(folder: Path) -> Problem:
    run = Folder(folder)
    config = parse(run.read_json("config.json"))
    log = CleanLog.read(run)
    past, users = log.history(config.samples.target, config.samples.period_days), log.users
    splits = split_periods(past.first_day, past.last_day, config.samples)
    user, item, period = (x.astype(np.int64) for x in (past.bought.user, past.bought.item, past.bought.period))
    train, asked = {}, {}
    for split in ("tuning", "test"):
        begin, end = splits.span(split)
        train[split] = tuple(x[period < begin] for x in (user, item, period))
        inside = (period >= begin) & (period < end)
        keys, request = np.unique(period[inside] * len(users) + user[inside], return_inverse=True)
        who, when = keys % len(users), keys // len(users)
        known = [np.flatnonzero((user == u) & (period < w)) for u, w in zip(who, when, strict=True)]
        rows = np.concatenate(known)
        at = np.repeat(np.arange(len(keys)), [len(k) for k in known])
        asked[split] = Requests((at, item[rows], period[rows]), who, (request, item[inside]))
    return Problem(train, asked, sessions=False)


def of_sessions(folder: Path) -> Problem:
    tables = {}
    for split, name in (("train", "train.csv"), ("tuning", "valid.csv"), ("test", "test.tsv")):
        table = csv.read_csv(folder / name, parse_options=csv.ParseOptions(delimiter="\t"))
        tables[split] = tuple(pc.cast(table.column(c), "double", safe=False).to_numpy() for c in table.column_names[:3])
    items = np.unique(np.concatenate([t[1] for t in tables.values()]))
    first, train, asked = 0, {}, {}
    made: dict[str, Events] = {}
    for split, (session, item, when) in tables.items():
        session = np.unique(session, return_inverse=True)[1] + first
        first = int(session.max()) + 1
        order = np.lexsort((when, session))
        made[split] = session[order], np.searchsorted(items, item)[order], np.round(when[order] * 1000).astype(np.int64)
    for split, before in (("tuning", ("train",)), ("test", ("train", "tuning"))):
        parts = [np.concatenate([made[b][k] for b in before]) for k in range(3)]
        train[split] = parts[0], parts[1], np.unique(parts[2], return_inverse=True)[1]
        session, item, _ = made[split]
        begins = np.searchsorted(session, session)
        place = np.arange(len(session)) - begins
        asks = np.flatnonzero(place > 0)
        at = np.repeat(np.arange(len(asks)), place[asks])
        rows = np.concatenate([np.arange(begins[a], a) for a in asks])
        asked[split] = Requests((at, item[rows], 2**30 + rows - begins[rows]), session[asks], (np.arange(len(asks)), item[asks]))
    return Problem(train, asked, sessions=True)


def per_request(model: Recommending, asked: Requests) -> np.ndarray:
    """nDCG@20 of each request, the whole catalogue ranked."""
    twin, count = model.knowing(*asked.known), len(asked.user)
    best, _ = twin.top_n(np.arange(count), K, exclude_known=False)
    size = int(max(best.max(), asked.truth[1].max())) + 1
    hit = np.isin(np.arange(count)[:, None] * size + best, asked.truth[0] * size + asked.truth[1]) & (best >= 0)
    gain = 1 / np.log2(np.arange(K) + 2)
    ideal = np.cumsum(gain)[np.minimum(np.bincount(asked.truth[0], minlength=count), K) - 1]
    return (hit * gain).sum(1) / ideal


def settings(name: str) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*GRIDS[name].values()):
        yield dict(zip(GRIDS[name], values, strict=True))


def fitted(name: str, chosen: dict[str, Any], events: Events, sessions: bool) -> Recommending:
    user, item, period = events
    if sessions and name == "session_knn":  # a session is what one user took in one period: give all of it the last moment
        last = np.zeros(int(user.max()) + 1, np.int64)
        np.maximum.at(last, user, period)
        period = last[user]
    return KINDS[name](items=ITEMS, **chosen).fit_events(user, item, period, rng=np.random.default_rng(7))


def interval(difference: np.ndarray, cluster: np.ndarray) -> tuple[float, float, float]:
    """Mean, and its 95 % interval by a bootstrap over clusters."""
    _, code = np.unique(cluster, return_inverse=True)
    total, size = np.bincount(code, difference), np.bincount(code)
    rng = np.random.default_rng(0)
    drawn = [rng.integers(len(size), size=len(size)) for _ in range(BOOT)]
    means = [total[d].sum() / size[d].sum() for d in drawn]
    return float(difference.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0])
    problem = of_run(folder) if (folder / "manifest.json").exists() else of_sessions(folder)
    found, lines = {}, []
    for name in arguments[1:] or KINDS:
        scores = []
        for chosen in settings(name):
            started = time.perf_counter()
            model = fitted(name, chosen, problem.train["tuning"], problem.sessions)
            spent = time.perf_counter() - started
            scores.append((float(per_request(model, problem.asked["tuning"]).mean()), json.dumps(chosen), spent))
            print(f"  {name:<12} {scores[-1][0]:.4f} {spent:7.1f} s  {scores[-1][1]}", flush=True)
        best, chosen, _ = max(scores)
        started = time.perf_counter()
        model = fitted(name, json.loads(chosen), problem.train["test"], problem.sessions)
        spent = time.perf_counter() - started
        found[name] = per_request(model, problem.asked["test"])
        lines.append(f"{name:<12}{best:>10.4f}{found[name].mean():>10.4f}{spent:>9.1f}  {chosen}")
    print(f"{len(problem.asked['tuning'].user):,} tuning and {len(problem.asked['test'].user):,} test requests, nDCG@{K}")
    print(f"{'model':<12}{'tuning':>10}{'test':>10}{'fit s':>9}  settings")
    print("\n".join(lines))
    for name in found:
        if name != "transformer" and "transformer" in found:
            value, low, high = interval(found["transformer"] - found[name], problem.asked["test"].user)
            print(f"transformer - {name}: {value:+.4f} ({low:+.4f} to {high:+.4f}) on test")


if __name__ == "__main__":
    main(sys.argv[1:])
