"""Look for harmful slices of a run's training samples, and say what to do with each."""

from typing import Any

import numpy as np

from assay.findings.examples import examples
from assay.importance.influence import Influence
from assay.importance.valuer import Importance
from assay.models.logistic import LogisticRegression
from assay.runs.store import write_json
from assay.samples.table import Samples
from assay.stages.workbench import Workbench
from assay.trials.slices import readable, slices

FOUND = "slices/found.json"
_FOLDS = 16  # half of them find rules, half confirm
_SHOWN = 3


def find_slices(bench: Workbench) -> list[str]:
    """slices/found.json: rules, their trials on tuning with forecasts, examples and advice, what helps first."""
    train, validation, days = bench.train, bench.load("validation"), bench.config.samples.period_days
    bench.report("slices", 0, None)
    folds = min(_FOLDS, max(4, len(np.unique(validation.user)) // 20))

    def value(samples: Samples, model: LogisticRegression) -> Importance:
        rng = np.random.default_rng(bench.config.seed)
        return Influence().value(samples, validation, model=model, utility="log_loss", folds=folds, rng=rng)

    model = bench.precondition()
    found = slices(model, train, bench.tuning, value, days, lambda done, steps: bench.report("slices", done, steps))
    attributes, importance = readable(train, days), value(train, model)
    lines: list[dict[str, Any]] = []
    for one in found:
        rows = np.flatnonzero(one.rule.matches(attributes))
        part = Importance(importance.sample_id[rows], importance.value[rows], np.asarray(importance.per_fold)[:, rows])
        shown = examples(train.take(rows), part, bench.item_names, days, _SHOWN)["harmful"]
        lines.append({**one.to_dict(), "examples": [line["sentence"] for line in shown]})
    write_json(bench.run.path(FOUND), lines)
    return [FOUND]
