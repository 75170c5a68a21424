"""Made-up requests whose items have true grades, and two systems that rank them: what people would be asked to judge."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from assay.benchmark.keep.contents import Benchmark

HIGHEST = 3
_EDGES = (0.8, 1.5, 2.2)  # of quality: grades 1, 2 and 3 begin there


class ToJudge(NamedTuple):
    """benchmark: requests of unequal weight, and truth that names one item of each, which no system lists.

    predictions: of the systems "worse" and "better". grades: the true grade, 0 to HIGHEST, of each (request, item).
    """

    benchmark: Benchmark
    predictions: dict[str, pa.Table]
    grades: dict[tuple[str, str], int]


def make_to_judge(requests: int = 30, items: int = 25, *, gap: float = 0.4, seed: int = 0) -> ToJudge:
    """Each system sees the quality of the items through normal noise of its own, "worse" through `gap` more of it."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(requests, items)) + rng.normal(0, 0.6, requests)[:, None]
    weight = rng.lognormal(0, 0.8, requests)
    ids, names = [f"查询 {r}" for r in range(requests)], [f"item {i}" for i in range(items)]
    request, item = np.repeat(ids, items), np.tile(names, requests)
    grades = np.digitize(quality, _EDGES).ravel().tolist()
    predictions = {}
    for name, noise in (("worse", 1.2 + gap), ("better", 1.2)):
        score = (quality + rng.normal(0, noise, quality.shape)).ravel()
        predictions[name] = pa.table({"request_id": request, "item_id": item, "score": score})
    devices = np.array(["📱", "desk"])[np.arange(requests) % 2]
    described = pa.table({"request_id": ids, "weight": weight / weight.sum(), "device": devices})
    truth = pa.table({"request_id": ids, "item_id": ["bought before"] * requests, "grade": [1] * requests})
    true = dict(zip(zip(request.tolist(), item.tolist(), strict=True), grades, strict=True))
    return ToJudge(Benchmark.of(truth, requests=described), predictions, true)
