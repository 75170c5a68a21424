"""A small made-up benchmark for tests: requests with attributes, truth, candidates, and systems that rank them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from assay.benchmark.keep.contents import Benchmark
from assay.testing.scores import make_scores

_CANDIDATES = 20
DEVICES = ("phone", "桌面", "📺", "מחשב")


def make_benchmark(requests: int = 400, systems: int = 6, families: int = 3, *, seed: int = 0) -> Benchmark:
    """Requests of about a third as many users, 20 candidates each, two of them right; systems scored on all of it."""
    rng = np.random.default_rng(seed)
    user = np.sort(rng.integers(max(requests // 3, 2), size=requests))
    ids = pa.array([f"request {k:05d}" for k in range(requests)])
    described = pa.table(
        {
            "request_id": ids,
            "user_id": user,
            "device": np.array(DEVICES)[rng.choice(4, requests, p=[0.5, 0.3, 0.15, 0.05])],
            "price": rng.lognormal(1.0, 0.6, requests),
        }
    )
    items = np.stack([rng.permutation(200)[:_CANDIDATES] for _ in range(requests)])
    names = pa.array([f"item {k}" for k in range(200)])
    listed = pa.table(
        {
            "request_id": ids.take(pa.array(np.repeat(np.arange(requests), _CANDIDATES))),
            "item_id": names.take(pa.array(items.ravel())),
        }
    )
    right = np.zeros((requests, _CANDIDATES), bool)
    right[:, :2] = True
    truth = listed.filter(pa.array(right.ravel())).append_column("grade", pa.array(np.ones(2 * requests)))
    benchmark = Benchmark.of(truth, requests=described, candidates=listed, about={"of": "made-up requests"})
    ranked = {f"system {k}": predictions(benchmark, k) for k in range(systems)}
    scores = benchmark.score(ranked, {name: f"family {k % families}" for k, name in enumerate(ranked)})
    return replace(benchmark, scores=scores)


def predictions(benchmark: Benchmark, system: int) -> pa.Table:
    """What a system says of every candidate: the higher its number, the better it ranks, with errors of its own."""
    candidates = benchmark.candidates
    assert candidates is not None
    rng = np.random.default_rng([system, 7])
    hard = make_scores(len(benchmark), users=len(benchmark), systems=2, families=2).scores[0]
    place = np.searchsorted(benchmark.requests.column("request_id").to_numpy(), candidates.column("request_id").to_numpy())
    right = np.arange(candidates.num_rows) % _CANDIDATES < 2
    score = right * (0.5 + 0.2 * system + 3.0 * hard[place]) + rng.normal(size=candidates.num_rows)
    return candidates.append_column("score", pa.array(score))
