"""Verify a run's values: curves by retraining, planted noise, random subsets, other seeds, other models."""

from typing import Any

import numpy as np

from assay.config import BASELINES
from assay.importance import registry as valuers
from assay.importance.protocol import Importance
from assay.importance.registry import VALUED
from assay.samples.table import Samples
from assay.stages.workbench import Workbench
from assay.store import write_json
from assay.trials import verify as trials

_YARDSTICKS = ("random", "recency", "popularity", "loss", "self_score")
_NOISY = 0.05  # share of planted noise
_SUBSETS, _HALF = 24, 0.5
_SEEDS = 3
_TRANSFERRED = 0.02


def verify(bench: Workbench) -> list[str]:
    """verify/: curves, noise, agreement, transfer and verdict as JSON; progress counts retrainings, roughly."""
    config, train, validation = bench.config, bench.train, bench.load("validation")
    linear, main = bench.precondition(), bench.config.select.valuer
    steps = (1 + len(_YARDSTICKS)) * (len(trials.REMOVED) + len(trials.ADDED)) + _SUBSETS
    importances = {name: _values(bench, name, validation, config.seed) for name in dict.fromkeys((main, *_YARDSTICKS))}
    orders = {name: found.order() for name, found in importances.items()}
    lines = trials.curves(
        linear, train, bench.tuning, orders, config.select.floor, lambda done, _: bench.report("verify", done, steps)
    )
    subsets = steps - _SUBSETS
    scores = trials.datamodel_score(
        linear, train, validation, {name: found.value for name, found in importances.items()}, subsets=_SUBSETS, share=_HALF,
        seed=config.seed, progress=lambda done, _: bench.report("verify", subsets + done, steps),
    )  # fmt: skip
    again = [importances[main], *(_values(bench, main, validation, config.seed + k) for k in range(1, _SEEDS))]
    found_by = [valuers.make(name) for name in dict.fromkeys((main, "loss", "self_score"))]
    others = {name: bench.model(name) for name in bench.names if name not in (VALUED, *BASELINES)}
    carried = {name: orders[name] for name in dict.fromkeys((main, "random", "self_score"))}
    pages: dict[str, Any] = {
        "curves": lines,
        "agreement": {"datamodel_score": scores, "subsets": _SUBSETS, "share": _HALF, "stability": trials.stability(again)},
        "noise": trials.detection(
            linear, train, validation, found_by, share=_NOISY, folds=config.value.folds, seed=config.seed
        ),
        "transfer": trials.transfer(
            others, train, bench.tuning, carried, fraction=_TRANSFERRED, floor=config.select.floor, seed=config.seed
        ),
        "verdict": [trials.verdict(lines, name) for name in orders if name != "random"],
    }  # fmt: skip
    bench.report("verify", steps, steps)
    for name, content in pages.items():
        write_json(bench.run.path(f"verify/{name}.json"), content)
    return [f"verify/{name}.json" for name in pages]


def _values(bench: Workbench, name: str, validation: Samples, seed: int) -> Importance:
    return bench.value(name, validation, np.random.default_rng(seed))
