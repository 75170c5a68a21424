"""The long comparison, on the tuning periods: every valuer's removals on every model that learns."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from assay.config import BASELINES
from assay.evaluation.holdout import CLAIMS, Scored, differences
from assay.selection import floor_groups, hashed_order, remove
from assay.stages.workbench import VALUED, Workbench
from assay.store import write_json
from assay.trials.curve import RESAMPLES, refit

CURVES, MODELS = "study/curves.json", "study/models.json"
_RANDOM = "random"
_FRACTION = 0.02  # removed from models other than the logistic regression


def study(bench: Workbench) -> list[str]:
    """study/curves.json: what removing each fraction by each valuer, or at random, changes for the logistic regression.

    study/models.json: what removing 2 % changes for every other model. Both against all samples, on tuning.
    """
    others = [name for name in bench.names if name not in (VALUED, *BASELINES)]
    fractions = bench.config.select.fractions
    steps = (len(bench.config.value.valuers) + 1) * (len(fractions) + len(others))
    done = 0
    full = {name: _score(bench, bench.model(name)) for name in (VALUED, *others)}
    curves: list[dict[str, Any]] = []
    models: list[dict[str, Any]] = []
    for valuer, weights in _removals(bench, [*fractions, _FRACTION]):
        for fraction in fractions:
            fitted = refit(bench.precondition(), bench.train, weights[fraction])
            curves.append(_line(bench, valuer, VALUED, fraction, full[VALUED], _score(bench, fitted)))
            bench.report("study", done := done + 1, steps)
        for name in others:
            changed = bench.train.with_weight(weights[_FRACTION])
            fitted_other = bench.model(name).fresh().fit(changed, rng=bench.rng("train"))
            models.append(_line(bench, valuer, name, _FRACTION, full[name], _score(bench, fitted_other)))
            bench.report("study", done := done + 1, steps)
    write_json(bench.run.path(CURVES), curves)
    write_json(bench.run.path(MODELS), models)
    return [CURVES, MODELS]


def _removals(bench: Workbench, fractions: list[float]) -> Iterator[tuple[str, dict[float, Any]]]:
    """(valuer, weights by fraction): the lowest rows taken out under the config's floors."""
    train, groups, floor = bench.train, floor_groups(bench.train), bench.config.select.floor
    for valuer in (*bench.config.value.valuers, _RANDOM):
        if valuer == _RANDOM:
            order = hashed_order(train.keys.column("sample_id").to_numpy(), bench.config.seed)
        else:
            order = bench.importance(valuer).order()
        gone = {fraction: remove(order, round(fraction * len(train)), groups, floor) for fraction in fractions}
        yield valuer, {fraction: np.where(rows, 0.0, train.weight) for fraction, rows in gone.items()}


def _score(bench: Workbench, model: Any) -> Scored:
    return bench.tuning.score(model.predict, resamples=RESAMPLES)


def _line(bench: Workbench, valuer: str, model: str, fraction: float, full: Scored, changed: Scored) -> dict[str, Any]:
    found = bench.tuning.difference(full, changed, resamples=RESAMPLES)
    return {"valuer": valuer, "model": model, "fraction": fraction, "difference": differences(found, CLAIMS)}
