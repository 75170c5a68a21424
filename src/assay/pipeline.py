"""The order of the stages: config in, run folder out. The only place that knows it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from assay import __version__
from assay.config import Config
from assay.engines import databases
from assay.errors import ConfigError
from assay.logs import cleaning, collect
from assay.runs.store import Run, digest, write_json
from assay.samples import build
from assay.samples.describe import families
from assay.stages.anomalies import find_anomalies
from assay.stages.choose import select
from assay.stages.explain import explained
from assay.stages.judge import evaluate
from assay.stages.learn import train, value
from assay.stages.protocols import compare_under_protocols
from assay.stages.search import answer, make_search
from assay.stages.serve import recommend
from assay.stages.slices import find_slices
from assay.stages.study import study as compare
from assay.stages.systems import compare_systems
from assay.stages.trust import trust
from assay.stages.verify import verify as check
from assay.stages.weights import learn
from assay.stages.workbench import Report, Workbench

STAGES = ("collect", "clean", "samples", "train", "value", "select", "evaluate", "recommend", "trust")
# Sections of the config that a stage reads, besides what its inputs' digests say.
_READS = {
    "clean": ("clean",),
    "samples": ("samples", "encode", "table", "text", "seed"),
    "train": ("models", "text", "seed"),
    "value": ("value", "models", "seed", "samples"),
    "select": ("select", "evaluate", "models", "seed", "samples"),
    "evaluate": ("evaluate", "select", "models", "seed"),
    "recommend": ("recommend", "models", "text", "seed", "evaluate"),
    "trust": ("samples", "models", "evaluate"),
}


def silent(stage: str, done: int, total: int | None) -> None:
    """Report no progress."""


def _collect(bench: Workbench) -> list[str]:
    assert bench.config.log is not None
    return collect.collect(bench.config.log, bench.run, bench.report)


def _clean(bench: Workbench) -> list[str]:
    return cleaning.clean(bench.config.clean, bench.run, bench.report)


def _samples(bench: Workbench) -> list[str]:
    return build.build(bench.config, bench.run, bench.report)


_WORK: dict[str, Callable[[Workbench], list[str]]] = {
    "collect": _collect,
    "clean": _clean,
    "samples": _samples,
    "train": train,
    "value": value,
    "select": select,
    "evaluate": evaluate,
    "recommend": recommend,
    "trust": trust,
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
    if stage == "samples" and config.samples.features is not None:
        read["families"] = [family.select for family in families(config.samples.features)]
    inputs = {name: bench.run.output_digest(name) for name in before}
    if stage == "trust" and "systems" in bench.run.manifest["stages"]:
        inputs["systems"] = bench.run.output_digest("systems")  # more systems tell more of the test
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
    with run.alone():
        _stages(config, run, until, report)
    return run


def _stages(config: Config, run: Run, until: str | None, report: Report) -> None:
    bench = Workbench(config, run, report)
    write_json(run.path("config.json"), _stored(config))
    before: list[str] = []
    for stage in STAGES if config.log is not None else STAGES[2:]:
        ran = run.stage(stage, _fingerprint(bench, stage, before), partial(_WORK[stage], bench))
        if ran and stage in ("collect", "clean", "samples"):
            bench = Workbench(config, run, report)  # nothing in memory is of the old samples
        before.append(stage)
        write_json(run.path("summary.json"), summary(bench))
        if stage == until:
            break


def verify(config: Config, folder: Path | str, *, report: Report = silent) -> Run:
    """Whether the run's values are true: retraining, planted noise, other seeds and models; after the run itself."""
    return _after(config, folder, "verify", check, report)


def slices(config: Config, folder: Path | str, *, report: Report = silent) -> Run:
    """The run's harmful slices: rules for low values, confirmed, tried on tuning; after the run itself."""
    return _after(config, folder, "slices", find_slices, report)


def anomalies(config: Config, folder: Path | str, *, report: Report = silent) -> Run:
    """Users like robots and labels that the rest of the log contradicts; after the run itself."""
    return _after(config, folder, "anomalies", find_anomalies, report)


def weights(config: Config, folder: Path | str, *, report: Report = silent) -> Run:
    """Weights of few learnt parameters, chosen on tuning; after the run itself."""
    return _after(config, folder, "weights", learn, report)


def systems(config: Config, folder: Path | str, *, report: Report = silent) -> Run:
    """Systems of many families, scored request by request: what a benchmark's design is tried on; after the run itself."""
    return _after(config, folder, "systems", compare_systems, report)


def protocols(config: Config, folder: Path | str, *, report: Report = silent) -> Run:
    """What other ways to cut the log would have said of the same systems; after the run itself."""
    return _after(config, folder, "protocols", compare_under_protocols, report)


def search(
    config: Config, folder: Path | str, query: str, *, user_id: object | None = None, number: int = 10, report: Report = silent
) -> dict[str, Any]:
    """The first items for a query, with reasons; see stages.search.answer. The stage is made at first use."""
    run = _after(config, folder, "search", make_search, report)
    return answer(Workbench(config, run, report), query, user_id, number)


def explain(
    config: Config, folder: Path | str, *, sample_id: str | None = None, user_id: str | None = None, item_id: str | None = None
) -> dict[str, Any]:
    """A training sample's value taken apart, or (user_id and item_id) a recommendation's score; see stages.explain."""
    return explained(Workbench(config, Run(folder), silent), sample_id, user_id, item_id)


def study(config: Config, folder: Path | str, *, report: Report = silent) -> Run:
    """The long comparison: after the run, learnt weights, systems of many families, every valuer on every model that learns."""
    weights(config, folder, report=report)
    systems(config, folder, report=report)
    return _after(config, folder, "study", compare, report)


def _after(config: Config, folder: Path | str, name: str, work: Callable[[Workbench], list[str]], report: Report) -> Run:
    """A stage that stands beside the run's own: done once for the same samples, models and values."""
    run = execute(config, folder, report=report)
    bench = Workbench(config, run, report)
    inputs = {stage: run.output_digest(stage) for stage in ("samples", "train", "value")}
    content = config.model_dump(mode="json")
    read = {section: content[section] for section in ("value", "select", "models", "text", "seed")}
    with run.alone():
        run.stage(name, digest({"version": __version__, "reads": read, "inputs": inputs}), partial(work, bench))
    return run
