"""Made-up requests with true grades, two rankers of them, and simulated judges."""

import numpy as np
import pyarrow as pa

from assay.benchmark.judged.asking import Judging
from assay.benchmark.keep.contents import Benchmark

HIGHEST = 3


class Made:
    """requests of unequal weight, `items` each, with true grades 0 to 3; "better" ranks with less noise than "worse"."""

    def __init__(self, seed: int, requests: int = 30, items: int = 25, gap: float = 0.4) -> None:
        rng = np.random.default_rng(seed)
        quality = rng.normal(size=(requests, items)) + rng.normal(0, 0.6, requests)[:, None]
        weight = rng.lognormal(0, 0.8, requests)
        ids, names = [f"查询 {r}" for r in range(requests)], [f"item {i}" for i in range(items)]
        request, item = np.repeat(ids, items), np.tile(names, requests)
        grades = np.digitize(quality, [0.8, 1.5, 2.2]).ravel().tolist()
        self.true = dict(zip(zip(request.tolist(), item.tolist(), strict=True), grades, strict=True))
        self.predictions = {
            name: pa.table(
                {"request_id": request, "item_id": item, "score": (quality + rng.normal(0, noise, quality.shape)).ravel()}
            )
            for name, noise in (("worse", 1.2 + gap), ("better", 1.2))
        }
        described = pa.table({"request_id": ids, "weight": weight / weight.sum(), "device": ["📱", "desk"] * (requests // 2)})
        truth = pa.table({"request_id": ids, "item_id": ["bought before"] * requests, "grade": [1] * requests})
        self.benchmark = Benchmark.of(truth, requests=described)

    def judging(self, folder, **options) -> Judging:
        settings = {"label": "made version 1", "highest": HIGHEST, **options}
        return Judging(self.benchmark, self.predictions, folder, **settings)


def answer(judging: Judging, judge: str, made: Made, most: int = 10_000) -> list[tuple[str, str]]:
    """The pairs that a judge is asked, `most` at most, each answered by its true grade."""
    asked = []
    while len(asked) < most and (question := judging.next(judge)) is not None:
        pair = (question.request, question.item)
        judging.grade(judge, *pair, made.true[pair])
        asked.append(pair)
    return asked
