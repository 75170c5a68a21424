"""The order of the stages: config in, run folder out. The only place that knows it."""

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay import __version__, selection
from assay import recommend as recommending
from assay.config import Config
from assay.engines import databases
from assay.errors import ConfigError
from assay.evaluation import audit, calibration, slice_samples
from assay.evaluation.holdout import Holdout, Scored, differences, estimates, holdout
from assay.importance import registry as valuers
from assay.importance import segments
from assay.importance.examples import examples
from assay.importance.protocol import Importance
from assay.importance.rules import Rule, mine
from assay.logs import cleaning, collect
from assay.models import registry as models
from assay.models.logistic import LogisticRegression
from assay.models.scorer import Scorer
from assay.samples import build
from assay.samples.table import Samples
from assay.store import Run, digest, write_json, write_parquet
from assay.trials.curve import Arm, declare, refit, same_size, try_arms
from assay.trials.subsample import draws

STAGES = ("collect", "clean", "samples", "train", "value", "select", "evaluate", "recommend")
Report = Callable[[str, int, int | None], None]
# Sections of the config that a stage reads, besides what its inputs' digests say.
_READS = {
    "clean": ("clean",),
    "samples": ("samples", "encode", "table", "seed"),
    "train": ("models", "seed"),
    "value": ("value", "models", "seed", "samples"),
    "select": ("select", "evaluate", "models", "seed", "samples"),
    "evaluate": ("evaluate", "select", "models", "seed"),
    "recommend": ("recommend", "models", "seed", "evaluate"),
}
_VALUED = "logistic"  # the model that values are made with
_SERVED = "lightgbm"  # the other model that they are tried on


def silent(stage: str, done: int, total: int | None) -> None:
    """Report no progress."""


class Workbench:
    """A run in memory: samples and models are read once, when a stage first asks for them."""

    def __init__(self, config: Config, run: Run, report: Report) -> None:
        self.config, self.run, self.report = config, run, report
        self._models: dict[str, Scorer] = {}
        self._importance: dict[str, Importance] = {}

    @cached_property
    def train(self) -> Samples:
        """The training samples."""
        return build.load(self.run, "train")

    @cached_property
    def items(self) -> pa.Table | None:
        """Clean items by code; None where the user's own table stands in for a log."""
        return self.run.read_table("clean/items.parquet") if self.config.log is not None else None

    @cached_property
    def names(self) -> dict[int, str]:
        """Readable names of items by code."""
        if self.items is None:
            return {}
        shown = self.items.column("name").to_pylist()
        return {code: name for code, name in enumerate(shown) if name}

    @cached_property
    def popularity(self) -> NDArray[np.int64]:
        """(items,) training positives by item code."""
        size = self.items.num_rows if self.items is not None else int(self.train.item.max(initial=0)) + 1
        return np.bincount(self.train.item, self.train.label, minlength=size).astype(np.int64)

    @cached_property
    def tuning(self) -> Holdout:
        """Where amounts are chosen."""
        return self._holdout("tuning")

    @cached_property
    def test(self) -> Holdout:
        """Read once, by arms that were declared before."""
        return self._holdout("test")

    def _holdout(self, split: str) -> Holdout:
        samples = build.load(self.run, split)
        ranked = self.run.path("samples/candidates.parquet").exists()
        candidates = build.load(self.run, split, "candidates") if ranked else None
        requests = self.run.read_table("samples/requests.parquet") if ranked else None
        return holdout(samples, candidates, requests, split, self.popularity, self.config.evaluate, self.config.seed)

    def model(self, name: str) -> Scorer:
        """A trained model."""
        if name not in self._models:
            self._models[name] = models.load(self.run.path(f"models/{name}"))
        return self._models[name]

    def forget(self) -> None:
        """Free samples and values: the next stage reads what it needs."""
        for name in ("train", "tuning", "test"):
            self.__dict__.pop(name, None)
        self._importance.clear()

    def keep(self, name: str, model: Scorer) -> None:
        """Have a model at hand that was just trained."""
        self._models[name] = model

    @property
    def linear(self) -> LogisticRegression:
        """The model that values are made with; ConfigError when it is not trained."""
        if _VALUED not in self.config.models.names:
            raise ConfigError(f"[models] names: values and selection need {_VALUED!r}; add it")
        model = self.model(_VALUED)
        assert isinstance(model, LogisticRegression)
        return model

    def importance(self, valuer: str) -> Importance:
        """Values as the stage `value` stored them."""
        if valuer not in self._importance:
            table = self.run.read_table(f"importance/{valuer}.parquet")
            folds = None
            if self.run.path(f"importance/{valuer}_folds.parquet").exists():
                stored = self.run.read_table(f"importance/{valuer}_folds.parquet")
                folds = np.stack([stored.column(name).to_numpy() for name in stored.column_names])
            metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items() if k != b"ARROW:schema"}
            ids, value = (table.column(name).to_numpy() for name in ("sample_id", "value"))
            self._importance[valuer] = Importance(ids, value, folds, metadata)
        return self._importance[valuer]

    def rng(self, stage: str) -> np.random.Generator:
        """A generator of the stage's own, so that one stage's draws do not move another's."""
        return np.random.default_rng([self.config.seed, STAGES.index(stage)])


def _collect(bench: Workbench) -> list[str]:
    assert bench.config.log is not None
    return collect.collect(bench.config.log, bench.run, bench.report)


def _clean(bench: Workbench) -> list[str]:
    return cleaning.clean(bench.config.clean, bench.run, bench.report)


def _samples(bench: Workbench) -> list[str]:
    return build.build(bench.config, bench.run, bench.report)


def _train(bench: Workbench) -> list[str]:
    section = bench.config.models
    written: list[str] = []
    names = list(dict.fromkeys([*section.names, *section.estimators]))
    for done, name in enumerate(names):
        bench.report("train", done, len(names))
        model = models.make(name, section).fit(bench.train, rng=bench.rng("train"))
        bench.keep(name, model)
        files = model.save(bench.run.path(f"models/{name}"))
        written += [str(path.relative_to(bench.run.folder)) for path in files]
    return written


def _value(bench: Workbench) -> list[str]:
    section, train = bench.config.value, bench.train
    written: list[str] = []
    validation = build.load(bench.run, "validation")
    shapes = {}
    wanted = list(dict.fromkeys([*section.valuers, bench.config.select.valuer, "loss"]))
    for done, name in enumerate(wanted):
        bench.report("value", done, len(wanted) + 1)
        found = valuers.make(name).value(
            train, validation, model=bench.linear, utility="log_loss", folds=section.folds, rng=bench.rng("value")
        )
        path = f"importance/{name}.parquet"
        write_parquet(bench.run.path(path), found.table())
        written.append(path)
        if found.per_fold is not None:
            path = f"importance/{name}_folds.parquet"
            columns = {f"fold_{k}": values for k, values in enumerate(found.per_fold)}
            write_parquet(bench.run.path(path), pa.table(columns))
            written.append(path)
        shapes[name] = segments.distribution(found)
        bench._importance[name] = found
    main, days = bench.importance(bench.config.select.valuer), bench.config.samples.period_days
    pages = {
        "distribution": shapes,
        "rollup": segments.rollup(train, main, bench.names, days),
        "examples": examples(train, main, bench.names, days),
        "patterns": segments.patterns(segments.attributes(train, days), main),
    }
    for name, content in pages.items():
        write_json(bench.run.path(f"importance/{name}.json"), content)
        written.append(f"importance/{name}.json")
    return written


def _declared(bench: Workbench) -> tuple[list[Rule], list[Arm]]:
    """Rules that describe low values, and every arm; the attributes they are made of (large) are freed on return."""
    section, main = bench.config.select, bench.importance(bench.config.select.valuer)
    found = segments.attributes(bench.train, bench.config.samples.period_days)
    rules = mine(found, main)
    return rules, declare(bench.train, main, rules, found, section)


def _select(bench: Workbench) -> list[str]:
    section, train = bench.config.select, bench.train
    rules, arms = _declared(bench)
    bench.linear.curve(train)  # preconditions every refit
    tried = try_arms(bench.linear, train, bench.tuning, arms, section.valuer)
    write_json(bench.run.path("selection/curve.json"), tried.curve)
    write_json(bench.run.path("selection/rules.json"), [rule.to_dict() for rule in rules])
    names = selection.write_weights(bench.run, train, tried.chosen.weight)
    return ["selection/curve.json", "selection/rules.json", *names]


def _chosen(bench: Workbench) -> Arm:
    """The arm that tuning chose, from its stored weights."""
    name = bench.run.read_json("selection/curve.json")["chosen"]
    weight = bench.run.read_table("selection/weights.parquet", ["weight"]).column("weight").to_numpy()
    return Arm(name, "nothing" if name == "nothing" else "chosen", np.asarray(weight))


def _evaluate(bench: Workbench) -> list[str]:
    bench.forget()
    findings = [finding.to_dict() for finding in audit(build.load(bench.run))]
    test = bench.test
    written: list[str] = []
    names = list(dict.fromkeys([*bench.config.models.names, *bench.config.models.estimators]))
    scored: dict[str, Scored] = {}
    for done, name in enumerate(names):
        bench.report("evaluate", done, len(names) + 3)
        scored[name] = test.score(bench.model(name).predict)
        if scored[name].per_request is not None:
            path = f"evaluation/requests/{name}.parquet"
            write_parquet(bench.run.path(path), scored[name].per_request)
            written.append(path)
    by_model = {name: {"test": estimates(found.measures)} for name, found in scored.items()}
    pages: dict[str, Any] = {"models": by_model, "calibration": {}}
    for name, found in scored.items():
        bins = calibration(test.samples.label, found.probability, weight=test.samples.weight).to_pylist()
        pages["calibration"][name] = [
            {"predicted": b["score"], "observed": b["label"], "rows": b["rows"]} for b in bins if b["rows"]
        ]
    pages["slices"] = _slices(bench, {n: scored[n] for n in (_VALUED, _SERVED) if n in scored})
    bench.report("evaluate", len(names), len(names) + 3)
    pages["selection"], details = _arms(bench, scored)
    pages["differences"] = details
    bench.report("evaluate", len(names) + 1, len(names) + 3)
    pages["subsample"] = _subsample(bench, scored[_VALUED])
    pages["audit"] = findings
    arms = sum(len(entry["test"]) for entry in pages["selection"].values())
    pages["account"] = {"test_consulted_by": len(names) + arms + len(pages["subsample"]["test"])}
    for name, content in pages.items():
        write_json(bench.run.path(f"evaluation/{name}.json"), content)
        written.append(f"evaluation/{name}.json")
    return written


def _arms(bench: Workbench, scored: dict[str, Scored]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Selected against all and against the simple ways at the same size, on test."""
    train, test, chosen = bench.train, bench.test, _chosen(bench)
    valuer = bench.config.select.valuer
    removed = selection.removed_share(train.weight, chosen.weight)
    unchanged = chosen.name == "nothing"
    arms: dict[str, Scored] = {"full": scored[_VALUED]}
    rivals = same_size(
        train, bench.importance("loss"), chosen, len(bench.popularity), bench.config.select.floor, bench.config.seed
    )
    for name, arm in {"selected": chosen, **rivals}.items():
        same = np.array_equal(arm.weight, train.weight)
        arms[name] = scored[_VALUED] if same else test.score(refit(bench.linear, train, arm.weight).predict)
    by_arm = {_VALUED: arms}
    if _SERVED in scored:
        served = scored[_SERVED]
        if not unchanged:
            fitted = bench.model(_SERVED).fresh().fit(train.with_weight(chosen.weight), rng=bench.rng("train"))
            served = test.score(fitted.predict)
        by_arm[_SERVED] = {"full": scored[_SERVED], "selected": served}
    page: dict[str, Any] = {}
    details: dict[str, Any] = {}
    for model, found in by_arm.items():
        difference = test.difference(found["full"], found["selected"])
        page[model] = {
            "valuer": valuer if unchanged or removed else chosen.name,
            "removed_fraction": removed,
            "test": {name: estimates(one.measures) for name, one in found.items()},
            "difference": differences(difference),
        }
        details[model] = {
            measure: {k: v if v is None or np.isfinite(v) else None for k, v in entry.items()}  # type: ignore[call-overload]
            for measure, entry in difference.items()
        }
    return page, details


def _subsample(bench: Workbench, full: Scored) -> dict[str, Any]:
    fraction = bench.config.select.subsample
    found = {"all": full}
    for name, weight in draws(bench.train, fraction, bench.config.models.l2, bench.config.seed).items():
        found[name] = bench.test.score(refit(bench.linear, bench.train, weight).predict)
    return {"fraction": fraction, "test": {name: estimates(one.measures) for name, one in found.items()}}


def _slices(bench: Workbench, scored: dict[str, Scored]) -> list[dict[str, Any]]:
    """log_loss and auc in slices of users, items, prices, categories and weeks."""
    samples = bench.test.samples
    lines: list[dict[str, Any]] = []
    for slice_name, group in slices(samples, bench.popularity).items():
        for model, found in scored.items():
            table = slice_samples(samples.label, found.probability, samples.user, group, weight=samples.weight)
            for row in table.to_pylist():
                if row["measure"] in ("auc", "log_loss") and row["value"] is not None:
                    level = row.pop("slice")
                    row.pop("users")
                    lines.append({"model": model, "slice": slice_name, "level": level, **row})
    return lines


def slices(samples: Samples, popularity: NDArray[np.int64]) -> dict[str, pa.Array]:
    """Names of the slices (n,) of samples, by what they slice."""
    has = samples.features.column_names
    order = np.argsort(-popularity, kind="stable")
    head = np.zeros(len(popularity), bool)
    head[order[: int(np.searchsorted(np.cumsum(popularity[order]), popularity.sum() / 2)) + 1]] = True
    out = {"items": pa.array(np.where(head[samples.item], "head (half of all sales)", "tail"))}
    if "user_periods_known" in has:
        known = pc.fill_null(samples.features.column("user_periods_known"), 0).to_numpy()
        out["users"] = pa.array(np.where(known > 12, "returning", "new (12 weeks or less)"))
    if "item_price" in has:
        price = samples.features.column("item_price").to_numpy()
        low, high = np.nanquantile(price, (1 / 3, 2 / 3)) if np.isfinite(price).any() else (0.0, 0.0)
        bands = np.where(price <= low, "1 low third", np.where(price <= high, "2 middle third", "3 high third"))
        out["price"] = pa.array(np.where(np.isfinite(price), bands, "unknown"))
    if "department" in has:
        column = samples.features.column("department").combine_chunks().dictionary_decode()
        largest = pc.value_counts(column).to_pylist()
        largest.sort(key=lambda entry: (-entry["counts"], str(entry["values"])))
        kept = pa.array([entry["values"] for entry in largest[:8]])
        out["department"] = pc.if_else(pc.fill_null(pc.is_in(column, kept), False), column, "other")
    positives = np.bincount(samples.period - samples.period.min(), samples.label)
    peak = positives >= positives.max()
    out["weeks"] = pa.array(np.where(peak[samples.period - samples.period.min()], "busiest", "others"))
    return out


def _recommend(bench: Workbench) -> list[str]:
    section, run = bench.config.recommend, bench.run
    bench.forget()
    if not run.path("samples/upcoming.parquet").exists():
        return []
    name = section.model or _best(bench)
    everything = build.load(run)
    final = models.make(name, bench.config.models)
    if isinstance(final, LogisticRegression):
        final.fit(everything, rng=bench.rng("recommend"), start=bench.linear)
    else:
        final.fit(everything, rng=bench.rng("recommend"))
    del everything
    upcoming = build.load(run, which="upcoming")
    assert bench.items is not None
    lists, unknown = recommending.recommend(final, upcoming, bench.items, section)
    write_parquet(run.path("recommendations.parquet"), lists)
    write_parquet(run.path("recommendations_unknown.parquet"), unknown)
    about = {"model": name, "users": pc.count_distinct(lists.column("user_id")).as_py(), "per_user": section.per_user}
    write_json(run.path("recommendations.json"), about)
    if section.url and section.table:
        databases.write_table(section.url, section.table, lists, section.password_env)
        values = bench.importance(bench.config.select.valuer).table()
        databases.write_table(section.url, f"{section.table}_values", values, section.password_env)
    return ["recommendations.parquet", "recommendations_unknown.parquet", "recommendations.json"]


def _best(bench: Workbench) -> str:
    """The model with the best ndcg@10 on tuning (log_loss where nothing is ranked)."""
    found = {}
    for name in bench.config.models.names:
        measures = bench.tuning.score(bench.model(name).predict, resamples=2).measures
        found[name] = measures["ndcg@10"]["value"] if "ndcg@10" in measures else -measures["log_loss"]["value"]
    return max(found, key=lambda name: found[name])


_WORK: dict[str, Callable[[Workbench], list[str]]] = {
    "collect": _collect,
    "clean": _clean,
    "samples": _samples,
    "train": _train,
    "value": _value,
    "select": _select,
    "evaluate": _evaluate,
    "recommend": _recommend,
}


def _fingerprint(bench: Workbench, stage: str, before: list[str]) -> str:
    config = bench.config
    if stage == "collect":
        assert config.log is not None
        return collect.fingerprint(config.log)
    content = config.model_dump(mode="json")
    read: dict[str, Any] = {name: content[name] for name in _READS[stage]}
    if stage == "samples" and config.table is not None:
        path = Path(config.table.path)
        read["file"] = [path.stat().st_size, path.stat().st_mtime_ns] if path.exists() else None
    inputs = {name: bench.run.output_digest(name) for name in before}
    return digest({"version": __version__, "stage": stage, "reads": read, "inputs": inputs})


def _stored(config: Config) -> dict[str, Any]:
    """The config as the run keeps it: without passwords."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: databases.redact(v) if k == "url" and isinstance(v, str) else clean(v) for k, v in value.items()}
        return [clean(v) for v in value] if isinstance(value, list) else value

    stored: dict[str, Any] = clean(config.model_dump(mode="json", exclude_none=True))
    return stored


def summary(bench: Workbench) -> dict[str, Any]:
    """What summary.json holds, as far as the run has come."""
    run = bench.run
    out: dict[str, Any] = {}

    def page(name: str) -> Any:
        return run.read_json(name) if run.path(name).exists() else None

    if (account := page("clean/account.json")) is not None:
        out["log"] = {key: account[key] for key in ("events", "users", "items", "from", "to", "rejected")}
    if (account := page("samples/account.json")) is not None:
        out["samples"] = account["rows"]
    for name in ("models", "selection", "subsample"):
        if (content := page(f"evaluation/{name}.json")) is not None:
            out[name] = content
    if (made := page("recommendations.json")) is not None:
        out["recommendations"] = {key: made[key] for key in ("users", "per_user")}
    return out


def execute(config: Config, folder: Path | str, *, until: str | None = None, report: Report = silent) -> Run:
    """Run the stages up to `until` (all by default) in a run's folder; finished ones are not run again.

    Raises what the stages raise: ConfigError, SourceError, SplitError and the like name what to change.
    """
    if until is not None and until not in STAGES:
        raise ConfigError(f"no stage {until!r}; the stages are {', '.join(STAGES)}")
    run = Run(folder)
    bench = Workbench(config, run, report)
    write_json(run.path("config.json"), _stored(config))
    wanted = STAGES if config.log is not None else STAGES[2:]
    before: list[str] = []
    for stage in wanted:
        ran = run.stage(stage, _fingerprint(bench, stage, before), partial(_WORK[stage], bench))
        if ran and stage in ("collect", "clean", "samples"):
            bench = Workbench(config, run, report)  # nothing in memory is of the old samples
        before.append(stage)
        write_json(run.path("summary.json"), summary(bench))
        if stage == until:
            break
    return run


def study(config: Config, folder: Path | str, *, report: Report = silent) -> Run:
    """The long comparison: after the run, every valuer's curve on tuning, in study/<valuer>.json."""
    run = execute(config, folder, report=report)
    bench = Workbench(config, run, report)
    for valuer in config.value.valuers:
        settings = config.select.model_copy(update={"valuer": valuer})

        def work(settings: Any = settings, valuer: str = valuer) -> list[str]:
            arms = declare(bench.train, bench.importance(valuer), [], [], settings)
            bench.linear.curve(bench.train)
            tried = try_arms(bench.linear, bench.train, bench.tuning, arms, valuer)
            write_json(run.path(f"study/{valuer}.json"), tried.curve)
            return [f"study/{valuer}.json"]

        inputs = {name: run.output_digest(name) for name in ("samples", "train", "value")}
        run.stage(f"study {valuer}", digest({"settings": settings.model_dump(mode="json"), "inputs": inputs}), work)
    return run
