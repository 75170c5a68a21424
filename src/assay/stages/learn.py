"""Train the models, and value every training sample with one of them."""

import shutil
import time
from typing import Any

import numpy as np
import pyarrow as pa

from assay.evaluation.claims import CLAIMS
from assay.evaluation.holdout import differences, estimates
from assay.findings import segments
from assay.findings.examples import examples
from assay.findings.explain import explain_sample
from assay.importance.valuer import Importance
from assay.models.feature_selection import select_features
from assay.models.logistic import LogisticRegression
from assay.runs.store import digest, write_json, write_parquet
from assay.samples.encoder import only
from assay.samples.table import Samples
from assay.stages.workbench import FEATURES, VALUER_SECONDS, Workbench, values_file
from assay.trials.curve import RESAMPLES

PROGRESS = "models/progress"  # of models that learn for long; gone when all have learnt
_EXPLAINED = 3  # examples of each kind that are taken apart


def train(bench: Workbench) -> list[str]:
    """models/<name>/ of every model, after feature selection where the config asks for it."""
    written: list[str] = []
    if bench.config.models.feature_selection == "none":
        bench.run.path(FEATURES).unlink(missing_ok=True)
    else:
        written += _select_features(bench)
    for done, name in enumerate(bench.names):
        bench.report("train", done, len(bench.names))
        model = bench.make(name)
        if hasattr(model, "in_run"):  # it learns for long: a killed run goes on where it was
            config = bench.config.model_dump(mode="json")
            settings = [name, *(config[section] for section in ("models", "text", "seed"))]
            inputs = bench.run.output_digest("samples")
            model = model.in_run(bench.run.path(f"{PROGRESS}/{name}-{digest([settings, inputs])[:12]}"), bench.report)
        model = model.fit(bench.train, rng=bench.rng("train"))
        bench.keep(name, model)
        files = model.save(bench.run.path(f"models/{name}"))
        written += [str(path.relative_to(bench.run.folder)) for path in files]
    shutil.rmtree(bench.run.path(PROGRESS), ignore_errors=True)
    return written


def _select_features(bench: Workbench) -> list[str]:
    """models/features.json: which features are kept, and what that saves and costs a logistic regression."""
    section = bench.config.models
    bench.run.path(FEATURES).unlink(missing_ok=True)
    everything, tuning = bench.train, bench.tuning
    kept = select_features(everything, section.feature_selection, section.features, seed=bench.config.seed)
    fewer = only(everything, kept)
    before, seconds_before = _timed(bench, everything)
    after, seconds_after = _timed(bench, fewer)
    scored = tuning.score(before.predict, resamples=RESAMPLES)
    rescored = tuning.score(lambda samples: after.predict(only(samples, kept)), resamples=RESAMPLES)
    content = {
        "method": section.feature_selection,
        "kept": kept,
        "hidden": sorted(set(everything.features.column_names) - set(kept)),
        "columns": {"all": len(before.names_), "kept": len(after.names_)},
        "entries_a_row": {"all": _entries(everything), "kept": _entries(fewer)},
        "tuning": {"all": estimates(scored.measures, CLAIMS), "kept": estimates(rescored.measures, CLAIMS)},
        "difference": differences(tuning.difference(scored, rescored, resamples=RESAMPLES), CLAIMS),
    }
    write_json(bench.run.path(FEATURES), content)
    bench.run.record("feature_selection", {"seconds_all": seconds_before, "seconds_kept": seconds_after})
    bench.forget()
    return [FEATURES]


def _timed(bench: Workbench, samples: Samples) -> tuple[LogisticRegression, float]:
    started = time.perf_counter()
    fitted = LogisticRegression(bench.config.models.l2).fit(samples, rng=bench.rng("train"))
    return fitted, round(time.perf_counter() - started, 3)


def _entries(samples: Samples) -> float:
    X = samples.matrix()
    return float(round(X.nnz / max(X.shape[0], 1), 1))


def value(bench: Workbench) -> list[str]:
    """importance/: values of every training sample by every valuer, and what they show, as JSON."""
    section, samples = bench.config.value, bench.train
    written: list[str] = []
    shapes, seconds = {}, {}
    validation = bench.load("validation")
    wanted = list(dict.fromkeys([*section.valuers, bench.config.select.valuer, "loss"]))
    for done, name in enumerate(wanted):
        bench.report("value", done, len(wanted) + 1)
        started = time.perf_counter()
        found = bench.value(name, validation, bench.rng("value"))
        seconds[name] = round(time.perf_counter() - started, 2)
        written += _write(bench, name, found)
        shapes[name] = segments.distribution(found)
        bench.hold(name, found)
    bench.run.record(VALUER_SECONDS, seconds)
    bench.report("value", len(wanted), len(wanted) + 1)
    main, days = bench.importance(bench.config.select.valuer), bench.config.samples.period_days
    attributes = segments.attributes(samples, days)
    shown = examples(samples, main, bench.item_names, days)
    if bench.config.select.valuer == "influence":
        _explain(bench, validation, shown)
    pages = {
        "distribution": shapes,
        "rollup": segments.rollup(samples, attributes, main, bench.item_names, days),
        "examples": shown,
        "patterns": segments.patterns(attributes, main),
    }
    for name, content in pages.items():
        write_json(bench.run.path(f"importance/{name}.json"), content)
        written.append(f"importance/{name}.json")
    return written


def _explain(bench: Workbench, validation: Samples, shown: dict[str, list[dict[str, Any]]]) -> None:
    """Give the first examples of each kind their explanation: `why`."""
    days = bench.config.samples.period_days
    for lines in shown.values():
        first = lines[:_EXPLAINED]
        rows = bench.train.rows_of(np.array([line["sample_id"] for line in first], np.int64))
        for line, row in zip(first, rows.tolist(), strict=True):
            line["why"] = explain_sample(bench.linear, bench.train, validation, row, {}, days, 3, neighbours=False)


def _write(bench: Workbench, name: str, found: Importance) -> list[str]:
    file = values_file(name)
    tables: dict[str, Any] = {f"{file}.parquet": found.table()}
    if found.per_fold is not None:
        folds = {f"fold_{k}": values for k, values in enumerate(found.per_fold)}
        tables[f"{file}_folds.parquet"] = pa.table(folds)
    for path, table in tables.items():
        write_parquet(bench.run.path(path), table)
    return list(tables)
