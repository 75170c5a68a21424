"""A finished run as one entry of an MLflow server: figures with their intervals, config, weights, values and report."""

import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pyarrow as pa

from assay import __version__, registry, stages
from assay.config import Config
from assay.errors import ConfigError, InputError
from assay.findings.labels import Wording
from assay.finished import Finished
from assay.importance.stored import values_file
from assay.pages.evaluation import Summary
from assay.pages.parts import Estimate
from assay.runs.store import digest, write_parquet

T = TypeVar("T")
SERVER, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"  # MLflow's own variables
FINGERPRINT = "assay.fingerprint"
KEY, VALUE, BATCH = 250, 6_000, 100  # MLflow's limits: characters of a name and of a parameter, parameters or tags at a time
_METRICS = 1_000  # metrics at a time
_WEIGHTS = "selection/weights.parquet"


@dataclass(frozen=True)
class Logged:
    """Where a run is logged; updated: it was there already."""

    experiment: str
    run_id: str
    updated: bool


def check(config: Config) -> None:
    """ConfigError where the config asks for a log that cannot be written: no server is named, or no MLflow is installed."""
    if config.show.log_to is None:
        return
    if not os.environ.get(SERVER):
        raise ConfigError(
            f"[show] log_to: the environment variable {SERVER} is not set; export the server's address before the run"
        )
    if find_spec("mlflow") is None:
        raise ConfigError("[show] log_to needs the package mlflow: pip install 'assay[mlflow]'")


def log(run: Finished, uri: str | None = None, experiment: str | None = None) -> Logged:
    """Log a finished run, or update its entry: the one of the experiment whose fingerprint is the run's.

    uri: the server; by default MLFLOW_TRACKING_URI. experiment: by default MLFLOW_EXPERIMENT_NAME, else "assay". InputError: no
    server is named or it does not take the entry, the run is not finished, or mlflow is not installed.
    """
    server, name = uri or os.environ.get(SERVER), experiment or os.environ.get(EXPERIMENT) or "assay"
    if not server:
        raise InputError(f"no MLflow server: name it with --mlflow URI, or export {SERVER}")
    summary = Summary.read(run)
    metrics, params, tags = figures(summary, run.costs()), parameters(run.config), fingerprints(run)
    if summary.standing is not None:
        tags["assay.served"] = summary.standing.served
    mlflow = registry.of_extra("mlflow", "mlflow", "the log")
    try:
        client = mlflow.MlflowClient(tracking_uri=server)
        number = _experiment(client, name)
        entries = client.search_runs([number], f"tags.`{FINGERPRINT}` = '{tags[FINGERPRINT]}'", max_results=1)
        entry = entries[0] if entries else client.create_run(number, run_name=run.folder.resolve().name, tags=tags)
        _write(mlflow.entities, client, entry, metrics, params, tags)
        with TemporaryDirectory() as folder:
            copy_files(run, Path(folder))
            client.log_artifacts(entry.info.run_id, folder)
        client.set_terminated(entry.info.run_id)
    except mlflow.exceptions.MlflowException as error:
        shown = re.sub(r"//[^/@]*@", "//", server)
        raise InputError(f"{shown}: MLflow did not take the run: {str(error).replace(server, shown)[:300]}") from None
    return Logged(name, entry.info.run_id, bool(entries))


def _experiment(client: Any, name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if experiment is None else experiment.experiment_id)


def _write(
    entities: Any, client: Any, entry: Any, metrics: Mapping[str, float], params: Mapping[str, str], tags: Mapping[str, str]
) -> None:
    """Write what is new: MLflow keeps every metric that is written, as one more point of its history."""
    now, known = time.time_ns() // 1_000_000, entry.data.metrics
    new = (entities.Metric(key, value, now, 0) for key, value in metrics.items() if known.get(key) != value)
    for some in _pieces(new, _METRICS):
        client.log_batch(entry.info.run_id, metrics=some)
    for some in _pieces((entities.Param(key, value) for key, value in params.items()), BATCH):
        client.log_batch(entry.info.run_id, params=some)
    client.log_batch(entry.info.run_id, tags=[entities.RunTag(key, value) for key, value in tags.items()])


def _pieces(things: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(things)
    while piece := list(islice(left, size)):
        yield piece


def named(*parts: str) -> str:
    """A name that MLflow takes, of parts: ndcg@10 is ndcg_at_10, and what it does not take is an underscore."""
    plain = (re.sub(r"[^\w.\- ]", "_", part.replace("@", "_at_")) for part in parts)
    return "/".join(part if part.strip(".") else "_" for part in plain)[:KEY].rstrip("/")


def figures(summary: Summary, costs: Mapping[str, Any]) -> dict[str, float]:
    """Metrics: each model's measures on test, what the selection changed, rows of the splits, seconds and memory.

    `logistic/ndcg_at_10` is the value; with _low and _high the ends of its 95 % interval.
    """
    shown = dict[str, float]()
    for model, tested in summary.models.items():
        for measure, estimate in tested.test.items():
            shown |= _ends(estimate, model, measure)
    for model, selected in summary.selection.items():
        for measure, change in selected.difference.items():
            shown |= _ends(change, "selection", model, measure)
    shown |= {named("samples", split): float(rows) for split, rows in summary.samples.items()}
    return shown | {"cost/seconds": sum(costs["seconds"].values()), "cost/peak_rss_mb": costs["peak_rss_mb"]}


def _ends(estimate: Estimate, *parts: str) -> dict[str, float]:
    ends = {"": estimate.value, "_low": estimate.low, "_high": estimate.high}
    return {named(*parts[:-1], parts[-1] + end): number for end, number in ends.items() if number is not None}


def parameters(config: Config) -> dict[str, str]:
    """The config, flattened: `samples.period_days`, `log.events.0.path`. Keys without a value are left out, long values cut."""
    content = _flat(config.model_dump(mode="json", exclude_none=True))
    texts = ((key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) for key, value in content)
    return {named(key): text[:VALUE] for key, text in texts if text}


def _flat(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(key, value) of all that is no dictionary and no list of them."""
    if isinstance(content, list) and any(isinstance(part, dict) for part in content):
        content = dict(enumerate(content))
    if not isinstance(content, dict):
        yield prefix, content
        return
    for key, value in content.items():
        yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))


def fingerprints(run: Finished) -> dict[str, str]:
    """Tags: the run's fingerprint, of its stages' and its config, those of the stages, and the version of Assay."""
    of_stages = {name: run.stages[name].fingerprint for name in stages.RUN if name in run.stages}
    whole = digest([of_stages, run.config.model_dump(mode="json")])
    return {FINGERPRINT: whole, "assay.version": __version__} | {f"assay.stage.{name}": made for name, made in of_stages.items()}


def copy_files(run: Finished, folder: Path) -> None:
    """Copy report.html, the weights and the values of a run into a folder, with the user's own keys as they may be shown."""
    files = [f"{values_file(name)}.parquet" for name in run.config.value.valuers]
    for name in filter(run.exists, [_WEIGHTS, *files]):
        write_parquet(folder / name, _shown(run, run.read_table(name)))
    if (report := run.folder / "report.html").exists():
        shutil.copy(report, folder)


def _shown(run: Finished, table: pa.Table) -> pa.Table:
    if not run.config.show.hash_ids or "key" not in table.column_names:
        return table
    wording = Wording(hash_ids=True)
    keys = pa.array([None if key is None else wording.ident(key) for key in table.column("key").to_pylist()], pa.string())
    return table.set_column(table.column_names.index("key"), "key", keys)
