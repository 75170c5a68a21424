"""Judge on the test periods, once: models, what was selected, a smaller training set, slices."""

from typing import Any

import numpy as np
import pyarrow as pa

from assay.evaluation import audit, calibration, slice_samples, usual_slices
from assay.evaluation.holdout import Scored, details, differences, estimates
from assay.importance.named import VALUED
from assay.numerics.linearised import pooled_by_request
from assay.runs.store import write_json, write_parquet
from assay.samples import build
from assay.selection import weights as selection
from assay.selection.arms import same_size
from assay.stages.choose import chosen
from assay.stages.workbench import SERVED, Workbench
from assay.trials.curve import refit
from assay.trials.subsample import draws

Page = dict[str, Any]


def evaluate(bench: Workbench) -> list[str]:
    """evaluation/: every page of figures as JSON, and per-request scores as Parquet."""
    bench.forget()
    pages: Page = {"audit": [finding.to_dict() for finding in audit(build.load(bench.run))]}
    steps = len(bench.names) + 2
    written: list[str] = []
    scored: dict[str, Scored] = {}
    for done, name in enumerate(bench.names):
        bench.report("evaluate", done, steps)
        scored[name] = bench.test.score(bench.model(name).predict)
        if scored[name].per_request is not None:
            path = f"evaluation/requests/{name}.parquet"
            write_parquet(bench.run.path(path), _with_pooled(bench, scored[name]))
            written.append(path)
    pages["models"] = {name: {"test": estimates(found.measures)} for name, found in scored.items()}
    pages["calibration"] = {name: _calibration(bench, found) for name, found in scored.items()}
    pages["slices"] = _slices(bench, {n: scored[n] for n in (VALUED, SERVED) if n in scored})
    bench.report("evaluate", steps - 2, steps)
    pages["selection"], pages["differences"] = _selected(bench, scored)
    bench.report("evaluate", steps - 1, steps)
    pages["subsample"] = _subsample(bench, scored[VALUED])
    arms = sum(len(entry["test"]) for entry in pages["selection"].values())
    pages["account"] = {"test_consulted_by": len(bench.names) + arms + len(pages["subsample"]["test"])}
    for name, content in pages.items():
        write_json(bench.run.path(f"evaluation/{name}.json"), content)
        written.append(f"evaluation/{name}.json")
    return written


def _with_pooled(bench: Workbench, found: Scored) -> pa.Table:
    """The scores of each request, and its part in what is measured on all samples pooled."""
    table, samples = found.per_request, bench.test.samples
    assert table is not None
    requests = table.column("request").to_numpy()
    rows = np.flatnonzero(np.isin(samples.request, requests) & (samples.weight > 0))
    asked = np.searchsorted(requests, samples.request[rows])
    threshold = bench.config.evaluate.threshold
    pooled = pooled_by_request(samples.label[rows], found.probability[rows], asked, len(requests), threshold=threshold)
    for name, values in pooled.items():
        table = table.append_column(name, pa.array(values))
    return table


def _calibration(bench: Workbench, found: Scored) -> list[Page]:
    samples = bench.test.samples
    bins = calibration(samples.label, found.probability, weight=samples.weight).to_pylist()
    return [{"predicted": b["score"], "observed": b["label"], "rows": b["rows"]} for b in bins if b["rows"]]


def _selected(bench: Workbench, scored: dict[str, Scored]) -> tuple[Page, Page]:
    """Selected against all and against the simple ways at the same size: the summary's page, and all differences."""
    train, test, arm, section = bench.train, bench.test, chosen(bench), bench.config.select
    linear = bench.precondition()
    rivals = same_size(train, bench.importance("loss"), arm, len(bench.popularity), section.floor, bench.config.seed)
    by_arm: dict[str, dict[str, Scored]] = {VALUED: {"full": scored[VALUED]}}
    for name, changed in {"selected": arm, **rivals}.items():
        same = np.array_equal(changed.weight, train.weight)
        by_arm[VALUED][name] = scored[VALUED] if same else test.score(refit(linear, train, changed.weight).predict)
    if SERVED in scored:
        served = scored[SERVED]
        if arm.family != "nothing":
            fitted = bench.model(SERVED).fresh().fit(train.with_weight(arm.weight), rng=bench.rng("train"))
            served = test.score(fitted.predict)
        by_arm[SERVED] = {"full": scored[SERVED], "selected": served}
    page, every = {}, {}
    for model, found in by_arm.items():
        difference = test.difference(found["full"], found["selected"])
        every[model] = details(difference)
        page[model] = {
            "valuer": section.valuer,
            "removed_fraction": selection.removed_share(train.weight, arm.weight),
            "test": {name: estimates(one.measures) for name, one in found.items()},
            "difference": differences(difference),
        }
    return page, every


def _subsample(bench: Workbench, full: Scored) -> Page:
    fraction = bench.config.select.subsample
    found = {"all": full}
    for name, weight in draws(bench.train, fraction, bench.config.models.l2, bench.config.seed).items():
        found[name] = bench.test.score(refit(bench.linear, bench.train, weight).predict)
    return {"fraction": fraction, "test": {name: estimates(one.measures) for name, one in found.items()}}


def _slices(bench: Workbench, scored: dict[str, Scored]) -> list[Page]:
    """log_loss and auc in slices of users, items, prices, categories and weeks."""
    samples = bench.test.samples
    lines: list[Page] = []
    for slice_name, group in usual_slices(samples, bench.popularity).items():
        for model, found in scored.items():
            table = slice_samples(samples.label, found.probability, samples.user, group, weight=samples.weight)
            for row in table.to_pylist():
                if row["measure"] in ("auc", "log_loss") and row["value"] is not None:
                    level = row.pop("slice")
                    row.pop("users")
                    lines.append({"model": model, "slice": slice_name, "level": level, **row})
    return lines
