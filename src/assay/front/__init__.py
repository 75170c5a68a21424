"""Make a run, add to it, open it: what the command line and `import assay` share."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.config import Config, parse
from assay.errors import ConfigError, InputError
from assay.findings.explain import explain_sample, explain_score
from assay.findings.labels import Wording
from assay.finished import Finished
from assay.front import tables, tracking
from assay.language import english
from assay.models import named
from assay.models.linear import LinearModel
from assay.pages.answers import SearchAnswer
from assay.pages.values import Why, WhyScore
from assay.progress import Report, silent
from assay.runs.graph import Done
from assay.runs.manifest import alone
from assay.samples.table import Samples
from assay.search.searcher import Searcher
from assay.stages import graph

_HOW = english(
    "give a SAMPLE_ID of the training split (importance/*.parquet lists them), or --user and --item of a recommendation"
)


def execute(config: Config, folder: Path | str, *, until: str | None = None, report: Report = silent) -> Done:
    """Do the stages of a run in a folder, all or those that `until` needs; what stands is not done again.

    Raises what the stages raise: ConfigError, SourceError, SplitError and the like name what to change.
    """
    if until is None:
        tracking.check(config)
    return graph().run(config, Path(folder), report, until=until)


def execute_tables(
    inputs: Mapping[str, object],
    folder: Path | str,
    sections: Mapping[str, Any],
    *,
    columns: Mapping[str, str] | None = None,
    until: str | None = None,
    report: Report = silent,
) -> Done:
    """Do the stages of a run of tables in memory: inputs has "events", and may have "items" and "users".

    sections: the config, its [log] as far as it is said. columns: canonical name -> column of the events; by default guessed by
    name. Raises what `execute`, tables.beside and tables.log_section raise; what the folder holds stays as it was then.
    """
    folder = Path(folder)
    log = sections.get("log", {})
    if not isinstance(log, Mapping):
        raise ConfigError(f"log: give a dictionary of keys of [log], not {type(log).__name__}")
    parse({**sections, "log": {"events": [{"path": "", "event": "purchase", "columns": {}}]}})
    with alone(folder):
        with tables.beside(inputs, folder) as paths:
            config = parse({**sections, "log": tables.log_section(paths, folder, columns, log)})
            graph().check(config, until)
            if until is None:
                tracking.check(config)
            tables.keep(paths, folder)
        return graph().run(config, folder, report, until=until, held=True)


def add(folder: Path | str, stage: str, *, report: Report = silent) -> Done:
    """Do a stage that stands beside a finished run. InputError: no run is there, or it lacks what the stage follows."""
    run = Finished(folder)
    return graph().add(run.config, run.folder, stage, report)


def study(config: Config, folder: Path | str, *, report: Report = silent) -> Done:
    """The long comparison: after the run, learnt weights, systems of many families, every valuer on every model that learns."""
    steps = [execute(config, folder, report=report)]
    steps += [add(folder, stage, report=report) for stage in ("weights", "systems", "study")]
    return Done(Path(folder), tuple(n for done in steps for n in done.ran), tuple(n for done in steps for n in done.reused))


def search(run: Finished, query: str, *, user_id: object | None = None, number: int = 10) -> SearchAnswer:
    """The first items of an opened run for a query, with reasons; see search.Searcher. InputError: `search` has not run."""
    return run.at_hand(Searcher).search(query, user_id, number)


def explain(
    run: Finished, *, sample_id: str | None = None, user_id: str | None = None, item_id: str | None = None
) -> Why | WhyScore:
    """The value of a training sample taken apart, or the score of a candidate of the coming period.

    InputError: no such sample, no such candidate, or not exactly one of the two asked for.
    """
    wants_score = user_id is not None and item_id is not None
    if (sample_id is None) != wants_score or (user_id is None) != (item_id is None):
        raise InputError(f"explain: {_HOW}")
    wording = Wording.of(run, run.config)
    if sample_id is not None:
        try:
            [row] = run.train.rows_of(np.array([int(sample_id)], np.int64)).tolist()
        except (ValueError, OverflowError):
            row = -1
        if row < 0:
            raise InputError(
                english("{name}: no training sample {name_sample}; {how}", name=run.folder, name_sample=repr(sample_id), how=_HOW)
            )
        parts = run.at_hand(_Explaining)
        return explain_sample(parts.model, run.train, parts.validation, row, run.item_names, wording)
    if not run.exists("samples/upcoming.parquet"):
        raise InputError(english("{name}: holds no candidates of a coming period; explain a sample instead", name=run.folder))
    parts = run.at_hand(_Explaining)
    upcoming = parts.upcoming
    mask = np.ones(len(upcoming), bool)
    for name, wanted in (("user_id", user_id), ("item_id", item_id)):
        column = upcoming.keys.column(name).cast(pa.string())
        mask &= pc.equal(column, wanted).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(mask)
    if not len(rows):
        raise InputError(
            english(
                "{name}: item {name_item} is no candidate for user {name_user}; see: assay user",
                name=run.folder,
                name_item=repr(item_id),
                name_user=repr(user_id),
            )
        )
    candidate = upcoming.take(rows[:1])
    return explain_score(parts.model, run.train, candidate, run.item_names, wording)


class _Explaining:
    """What explanations of a run read, each part once: `run.at_hand(_Explaining)`."""

    def __init__(self, run: Finished) -> None:
        self._run = run

    @cached_property
    def model(self) -> LinearModel:
        """The model that values are of."""
        model = self._run.model(named.LINEAR[self._run.task.label.link])
        assert isinstance(model, LinearModel)
        return model

    @cached_property
    def validation(self) -> Samples:
        """The samples that values are made on."""
        return self._run.samples("validation")

    @cached_property
    def upcoming(self) -> Samples:
        """Candidates of the coming period."""
        return self._run.samples(which="upcoming")
