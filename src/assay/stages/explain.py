"""Explain one sample of a run, or one recommendation."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import InputError
from assay.findings.explain import explain_sample, explain_score
from assay.stages.workbench import Workbench

_HOW = "give a SAMPLE_ID of the training split (importance/*.parquet lists them), or --user and --item of a recommendation"


def explained(bench: Workbench, sample_id: str | None, user_id: str | None, item_id: str | None) -> dict[str, Any]:
    """The value of a training sample taken apart, or the score of a candidate of the coming period.

    InputError: no such sample, no such candidate, or not exactly one of the two asked for.
    """
    asked_for_score = user_id is not None and item_id is not None
    if (sample_id is None) != asked_for_score or (user_id is None) != (item_id is None):
        raise InputError(f"explain: {_HOW}")
    linear, days = bench.linear, bench.config.samples.period_days
    if not asked_for_score:
        try:
            [row] = bench.train.rows_of(np.array([int(str(sample_id))], np.int64)).tolist()
        except (ValueError, OverflowError):
            row = -1
        if row < 0:
            raise InputError(f"{bench.run.folder}: no training sample {sample_id!r}; {_HOW}")
        return explain_sample(linear, bench.train, bench.load("validation"), row, bench.item_names, days)
    if not bench.run.path("samples/upcoming.parquet").exists():
        raise InputError(f"{bench.run.folder}: holds no candidates of a coming period; explain a sample instead")
    upcoming = bench.load(which="upcoming")
    mask = np.ones(len(upcoming), bool)
    for name, wanted in (("user_id", user_id), ("item_id", item_id)):
        column = upcoming.keys.column(name).cast(pa.string())
        mask &= pc.equal(column, wanted).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(mask)
    if not len(rows):
        raise InputError(f"{bench.run.folder}: item {item_id!r} is no candidate for user {user_id!r}; see: assay user")
    asked = upcoming.take(rows[:1])
    return {"user": user_id, "item": item_id, **explain_score(linear, bench.train, asked, bench.item_names, days)}
