"""What the commands of `assay benchmark` are given: a run, a kept benchmark, a scoreboard, or tables of others' making."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from assay.app.safe import complain, one_line
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.inputs import codes, numbers, read_table
from assay.benchmark.keep.contents import Benchmark
from assay.benchmark.keep.folder import MANIFEST, open_kept
from assay.benchmark.readers import MEASURES, from_tables
from assay.benchmark.trec import PREDICTIONS, TRUTH
from assay.errors import InputError, did_you_mean
from assay.finished import Finished

if TYPE_CHECKING:
    from assay.benchmark.audit.checks import Evidence
    from assay.benchmark.board.off_policy import PolicyValue
    from assay.benchmark.compact.estimation import Estimated, Guess
    from assay.benchmark.keep.folder import Kept


_NAMED = 8  # systems of a benchmark, in an error


class Judged(NamedTuple):
    """Scores of systems; and where predictions were scored, the truth, and each one's table of predictions."""

    board: Scoreboard
    truth: pa.Table | None = None
    predictions: Mapping[str, pa.Table] = {}


@dataclass(frozen=True)
class Arguments:
    """What a command was called with. systems, families: NAME=FILE and NAME=FAMILY, as typed."""

    inputs: Sequence[Path]
    truth: Path | None = None
    candidates: Path | None = None
    requests: Path | None = None
    systems: Sequence[str] = ()
    families: Sequence[str] = ()
    measures: Sequence[str] = ()
    items: Path | None = None
    train: Path | None = None
    judgements: Path | None = None

    def board(self) -> Scoreboard:
        """As judged."""
        return self.judged().board

    def judged(self) -> Judged:
        """Scores of systems: of one input or of several joined; or of the systems' files, on the truth or on the one input."""
        if self.truth is not None:
            self._no_sources("--truth")
            truth = read_table(self.truth, "truth", TRUTH)
            tables = {name: read_table(file, f"system {name!r}", PREDICTIONS) for name, file in self.predictions().items()}
            board = from_tables(
                truth, tables, self.measures or MEASURES, families=self.named(self.families), items=self.items, train=self.train
            )
            return Judged(board, truth, tables)
        self._no_items()
        judged = self._on_input() if self.systems else Judged(reduce(Scoreboard.join, map(_board, self._some())))
        for name in self.measures:
            judged.board.of(name)
        return judged

    def _on_input(self) -> Judged:
        """The systems' files scored on the requests of the input, beside the other systems that were scored there."""
        benchmark = stored_benchmark(self._one())
        benchmark = replace(benchmark, measures=tuple(dict.fromkeys((*benchmark.measures, *self.measures))))
        tables = cut(benchmark, self.predictions())
        board = benchmark.score(tables, self.named(self.families))
        stored = benchmark.scores
        others = [] if stored is None else [name for name in stored.systems if name not in tables]
        if stored is not None and others:
            board = stored.take_systems(others).join(replace(board, benchmark=stored.benchmark))
        return Judged(board, benchmark.truth, tables)

    def pair(self, against: str) -> Scoreboard:
        """Scores of two systems on the input's requests: the one to compare with first, then the system whose file is given.

        against: the name of a system that was scored there, or else its file as NAME=FILE.
        """
        benchmark, new = stored_benchmark(self._one()), self.predictions()
        stored = benchmark.scores
        if stored is not None and against in stored.systems:
            _refuse_same(against, new)
            scored = benchmark.score(cut(benchmark, new))
            return stored.take_systems([against]).join(replace(scored, benchmark=stored.benchmark))
        [(rival, file)] = self.named([against]).items()
        _refuse_same(rival, new)
        if not Path(file).exists():
            names = () if stored is None else stored.systems
            close = did_you_mean(against, names) or f"; there are {', '.join(names[:_NAMED]) or 'none'}"
            raise InputError(f"{against!r} is no system that was scored there, and no file{close}")
        scored = benchmark.score(cut(benchmark, {rival: Path(file), **new}))
        return scored if stored is None else replace(scored, benchmark=stored.benchmark)

    def benchmark(self) -> Benchmark:
        """Requests with truth and candidates, and what systems scored on them.

        With judgements, truth has the grades that people gave, and scores are those of the systems whose files are given.
        """
        if self.judgements is not None:
            from assay.benchmark.judged import combined
            from assay.benchmark.judged.truth import judged_benchmark, truth_of

            said = combined.read(self.judgements)
            alone = self.truth is None and not self.inputs
            pool = self._of_tables(truth_of(said)) if alone else replace(self, judgements=None, systems=()).benchmark()
            return self._scored(judged_benchmark(pool, said))
        if self.truth is not None:
            self._no_sources("--truth")
            return self._scored(self._of_tables(self.truth))
        self._no_items()
        kept = stored_benchmark(self._one())
        if not self.measures:
            return kept
        for name in self.measures:
            if name not in kept.measures:
                raise InputError(f"measure {name!r} was not made there; there are {', '.join(kept.measures)}")
        return replace(kept, measures=tuple(self.measures))

    def _of_tables(self, truth: Path | pa.Table) -> Benchmark:
        return Benchmark.of(
            truth, requests=self.requests, candidates=self.candidates, measures=self.measures or MEASURES,
            items=self.items, train=self.train,
        )  # fmt: skip

    def _scored(self, benchmark: Benchmark) -> Benchmark:
        """With what the systems scored whose files are given, if any are."""
        if not self.systems:
            return benchmark
        return replace(benchmark, scores=benchmark.score(self.predictions(), self.named(self.families)))

    def count(self, what: str, board: Scoreboard) -> None:
        """Count a use of every kept benchmark among the inputs, once it has been answered."""
        for path in self.inputs:
            if (path / MANIFEST).exists() and not is_run(path):
                open_kept(path).consulted(what, board.systems)

    def predictions(self) -> dict[str, Path]:
        """The systems' files by name. InputError: none."""
        if not self.systems:
            raise InputError("no systems: give --system NAME=FILE once for each")
        return {name: Path(file) for name, file in self.named(self.systems).items()}

    def named(self, pairs: Sequence[str]) -> dict[str, str]:
        """NAME=VALUE pairs; a file alone is named after itself."""
        values: dict[str, str] = {}
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if not equals:
                name, value = Path(pair).stem, pair
            if not name:
                raise InputError(f"{pair!r} names no system; write NAME=FILE")
            if name in values:
                raise InputError(f"{name!r} is given twice; give every system a name of its own: NAME=FILE")
            values[name] = value
        return values

    def _some(self) -> Sequence[Path]:
        if not self.inputs:
            raise InputError("nothing given: name a run, a benchmark or a scoreboard, or --truth FILE and --system NAME=FILE")
        return self.inputs

    def _one(self) -> Path:
        several = self._some()
        if len(several) > 1:
            raise InputError(f"{len(several)} inputs are given; give one")
        return several[0]

    def _no_items(self) -> None:
        """InputError: items or train are given for what knows its own."""
        if self.items is not None or self.train is not None:
            raise InputError("--items and --train go with --truth; a run or a kept benchmark has its own, or is built with them")

    def _no_sources(self, option: str) -> None:
        if self.inputs:
            raise InputError(f"{self.inputs[0]} and {option} are both given; give one of them")


def _refuse_same(name: str, new: Mapping[str, Path]) -> None:
    if name in new:
        raise InputError(f"both systems are called {name!r}; give the new one another name: NAME=FILE")


def cut(benchmark: Benchmark, predictions: Mapping[str, Path]) -> dict[str, pa.Table]:
    """Predictions for a benchmark's requests alone. That a system has others is said on standard error, and how many."""
    tables, others = benchmark.cut(predictions)
    for name, requests in others.items():
        complain(f"{one_line(name)}: {requests:,} requests that the benchmark does not have were left out")
    return tables


def is_run(path: Path) -> bool:
    """Whether a path is a run's folder."""
    return (path / "config.json").exists()


def traffic(path: Path) -> pa.Table:
    """Attributes of requests as they come in: a table's columns, or a run's newest requests."""
    if path.is_dir() and is_run(path):
        from assay.benchmark.of_run import traffic as of_run

        run = Finished(path)
        return of_run(run, run.config)
    return read_table(path, "traffic", ())


def evidence(truth: Path, target: str, **tables: Path | None) -> "Evidence":
    """What an audit looks at, from files: requests, candidates, train, validation, events, traffic, each with its columns.

    Without a file of requests they are read from truth: request_id, user_id, timestamp and attributes.
    """
    from assay.benchmark.audit.checks import Evidence

    read = {name: read_table(path, name, ()) for name, path in tables.items() if path is not None}
    judged = read_table(truth, "truth", TRUTH)
    if "requests" not in read:
        pairs = ("item_id", "grade", "position", "propensity")
        per_request = judged.drop_columns([name for name in pairs if name in judged.column_names])
        read["requests"] = per_request.group_by(per_request.column_names, use_threads=False).aggregate([])
    return Evidence(truth=judged, target=target, **read)


def estimates(kept: "Kept", predictions: Mapping[str, pa.Table]) -> "dict[str, Estimated | Guess]":
    """What each system would score on all requests, from what it predicts for a compact set's; a guess where it is of anchors."""
    from assay.benchmark.compact.designs import Anchors
    from assay.benchmark.compact.estimation import Guess

    if isinstance(kept.compact, Anchors):
        return {name: Guess(kept.guess(name, table)) for name, table in predictions.items()}
    return {name: kept.estimate(name, table) for name, table in predictions.items()}


def policy_values(path: Path, policies: Sequence[str], model: str | None, clip: float | None) -> list[tuple[str, "PolicyValue"]]:
    """Each policy with its value by each estimator, from a table of exposures; doubly_robust if a model's columns are named."""
    from assay.benchmark.board.off_policy import policy_value

    if not policies:
        raise InputError("no policies: give --policy COLUMN once for each, its probabilities of the logged items")
    predicted = [] if model is None else [model, *(f"{model}_{name}" for name in policies)]
    table = read_table(path, "exposures", ("reward", "propensity", *policies, *predicted))
    if table.num_rows < 2:
        raise InputError(f"exposures: {path} has {table.num_rows} rows; an interval needs 2 at least")
    values = {name: numbers(table, name, "exposures") for name in ("reward", "propensity", *policies, *predicted)}
    user = codes(table.column("user_id"), table.column("user_id").unique()) if "user_id" in table.column_names else None
    by_policy: list[tuple[str, PolicyValue]] = []
    for name in policies:
        by = {"ips": None, "snips": None} | ({"doubly_robust": (values[model], values[f"{model}_{name}"])} if model else {})
        for estimator, guess in by.items():
            value = policy_value(
                values["reward"], values["propensity"], values[name], estimator=estimator, user=user, model=guess, clip=clip
            )
            by_policy.append((name, value))
    return by_policy


def _board(path: Path) -> Scoreboard:
    if path.is_file():
        return Scoreboard.read(path)
    if is_run(path):
        from assay.benchmark.of_run import scoreboard

        run = Finished(path)
        return scoreboard(run, run.config)
    _there(path)
    kept = open_kept(path)
    kept.refuse_compact()
    return kept.board()


def stored_benchmark(path: Path) -> Benchmark:
    """What a run's or a kept benchmark's folder holds, with what systems scored on it so far. InputError: a compact set."""
    if is_run(path):
        from assay.benchmark.of_run import benchmark

        run = Finished(path)
        return benchmark(run, run.config)
    _there(path)
    kept = open_kept(path)
    kept.refuse_compact()
    return replace(kept.benchmark, scores=kept.results())


def _there(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give a run, a benchmark or a scoreboard (.parquet)")
    if not (path / MANIFEST).exists():
        raise InputError(f"{path}: holds neither a run nor a benchmark; make one: assay benchmark build")
