"""A benchmark kept as a folder: frozen with its fingerprints, versioned, its use counted, and when to renew it.

The folder holds requests, truth, candidates, items, people's judgements and the source systems' scores as Parquet, card.json,
and for a compact set compact.npz; manifest.json names the version and the SHA-256 of each. results/ holds what was scored on it
since, and uses.jsonl one line for each time that it was consulted; both grow and are no part of the fingerprint.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.compact.designs import Anchors, CompactSet
from assay.benchmark.compact.estimation import Estimated, estimate
from assay.benchmark.keep.card import Card
from assay.benchmark.keep.contents import Benchmark
from assay.errors import InputError
from assay.numerics.measures import within
from assay.runs.arrays import write_arrays
from assay.runs.store import digest, file_digest, write_json, write_parquet
from assay.shown import html_table

FORMAT = 1
MANIFEST, USES, RESULTS = "manifest.json", "uses.jsonl", "results"
_TABLES = ("requests", "truth", "candidates", "items", "judgements")
_COMPACT = "compact.npz"


class Use(TypedDict):
    """A time that a benchmark was consulted: when (ISO 8601), what for, and for which systems."""

    when: str
    what: str
    systems: list[str]


@dataclass(frozen=True)
class Kept:
    """A frozen benchmark. compact: how its requests were drawn or chosen from a larger one, None if it is no compact set.

    For a compact set, place (n,) says where each of compact's rows stands among the benchmark's requests.
    """

    folder: Path
    name: str
    version: int
    fingerprint: str
    replaces: str | None
    benchmark: Benchmark
    compact: CompactSet | Anchors | None = None
    place: NDArray[np.int64] | None = None

    @property
    def label(self) -> str:
        """Name, version and the first letters of the fingerprint: what results are marked with."""
        return f"{self.name} version {self.version} ({self.fingerprint[:12]})"

    def _repr_html_(self) -> str:
        """Where it is, and how large, for a notebook."""
        return html_table([("benchmark", self.label), ("folder", self.folder)]) + self.benchmark._repr_html_()

    @property
    def card(self) -> Card:
        """What is known of its making."""
        return Card.of_about(self.benchmark.about)

    def score(self, predictions: Mapping[str, Any], families: Mapping[str, str] | None = None) -> Scoreboard:
        """Score systems (see Benchmark.score; of their requests, those here alone), keep the scores and count the use.

        InputError: a system of that name was scored before; nothing is overwritten.
        """
        self.refuse_compact()
        taken = {name for board in self._boards() for name in board.systems}
        for name in predictions:
            if name in taken:
                raise InputError(f"{self.folder}: system {name!r} has been scored already; give the new one another name")
        scored = replace(self._score(predictions, families), benchmark=self.label)
        # Counted first, and all systems in one file: a kill leaves none of them scored, and the use is known.
        self.consulted("score", scored.systems)
        file = hashlib.sha256("\n".join(scored.systems).encode()).hexdigest()[:16]  # a system's name may be no file name
        scored.write(self.folder / RESULTS / f"{file}.parquet")
        return scored

    def refuse_compact(self) -> None:
        """InputError where the requests were drawn with unequal chances: their plain means are not those of all requests."""
        if self.compact is not None:
            raise InputError(f"{self.folder}: is a compact set, plain means of it mislead; use: assay benchmark estimate")

    def board(self) -> Scoreboard:
        """The source systems' scores and all results made here, on one board. InputError: there are none."""
        joined = self.results()
        if joined is None:
            raise InputError(f"{self.folder}: no system has been scored here; do: assay benchmark score {self.folder}")
        return joined

    def results(self) -> Scoreboard | None:
        """As board; None where there are none."""
        boards = self._boards()
        return reduce(lambda one, more: one.join(more), boards) if boards else None

    def _boards(self) -> list[Scoreboard]:
        own = self.benchmark.scores
        boards = [] if own is None else [replace(own, benchmark=self.label)]
        attributes = {} if own is None else own.attributes
        for path in sorted((self.folder / RESULTS).glob("*.parquet")):
            boards.append(replace(Scoreboard.read(path), attributes=attributes))
        return boards

    def estimate(self, name: str, predictions: Any) -> Estimated:
        """What a system scores on all requests that this compact set was drawn from, by its measure; counts the use.

        InputError: no compact set, or anchors, which have no interval: see `guess`.
        """
        drawn, scores = self._scored(name, predictions)
        free = estimate(drawn, scores)
        measure = self.benchmark.measures[0]
        low, high = within(measure, free.value, free.low, free.high)
        traffic_low, traffic_high = within(measure, free.value, free.traffic_low, free.traffic_high)
        estimated = replace(
            free, low=float(low), high=float(high), traffic_low=float(traffic_low), traffic_high=float(traffic_high)
        )
        self.consulted("estimate", (name,))
        return estimated

    def guess(self, name: str, predictions: Any) -> float:
        """What anchors say of a system's mean on all requests, without an interval; counts the use."""
        drawn, scores = self._scored(name, predictions)
        assert isinstance(drawn, Anchors)
        value = drawn.value(scores)
        self.consulted("estimate", (name,))
        return value

    def _scored(self, name: str, predictions: Any) -> tuple[CompactSet | Anchors, NDArray[np.float64]]:
        """The set, and a system's scores (n,) on its rows."""
        if self.compact is None or self.place is None:
            raise InputError(f"{self.folder}: is no compact set; draw one: assay benchmark compact")
        scores = self._score({name: predictions}).of(self.benchmark.measures[0])[0]
        return self.compact, scores[self.place]

    def _score(self, predictions: Mapping[str, Any], families: Mapping[str, str] | None = None) -> Scoreboard:
        return self.benchmark.score(self.benchmark.cut(predictions)[0], families)

    def consulted(self, what: str, systems: tuple[str, ...]) -> None:
        """Count a use: one line in uses.jsonl, durable."""
        use = Use(when=datetime.now(UTC).isoformat(timespec="seconds"), what=what, systems=list(systems))
        path = self.folder / USES
        try:
            with path.open("a+b") as stream:
                stream.seek(max(stream.seek(0, os.SEEK_END) - 1, 0))
                cut = stream.read(1) not in (b"", b"\n")  # a kill cut the last line short
                stream.write((b"\n" if cut else b"") + json.dumps(use).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise InputError(f"{path}: cannot write ({error.strerror}), so the use cannot be counted; make it writable") from None

    def uses(self) -> list[Use]:
        """Every use so far. A line that a kill cut short, or that says no use, is left out."""
        path = self.folder / USES
        uses: list[Use] = []
        for line in path.read_bytes().splitlines() if path.is_file() else []:
            try:
                use = json.loads(line)
            except ValueError:
                continue
            if _is_use(use):
                uses.append(Use(when=use["when"], what=use["what"], systems=use["systems"]))
        return uses


def _is_use(line: Any) -> bool:
    """Whether a line of JSON says a use."""
    return (
        isinstance(line, dict)
        and isinstance(line.get("when"), str)
        and isinstance(line.get("what"), str)
        and isinstance(line.get("systems"), list)
        and all(isinstance(name, str) for name in line["systems"])
    )


def freeze(
    benchmark: Benchmark,
    folder: Path | str,
    *,
    name: str | None = None,
    replaces: Path | str | None = None,
    compact: CompactSet | Anchors | None = None,
) -> Kept:
    """A benchmark written as a folder, whole or not at all, and opened.

    Parameters
    ----------
    benchmark : Benchmark
        What to keep.
    folder : str or Path
        A new folder.
    name : str, optional
        By default the folder's, or that of the one it replaces.
    replaces : str or Path, optional
        The folder of the version before.
    compact : CompactSet or Anchors, optional
        The benchmark's requests were drawn so; its rows are places in the benchmark that they were drawn from, and the benchmark
        given is `take` of them.

    Returns
    -------
    Kept
        The frozen benchmark: `score` scores systems on it and counts the use.

    Raises
    ------
    InputError
        The folder is there already, or the one to replace is none.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.benchmarks import make_benchmark
    >>> assay.freeze(make_benchmark(60), "shop-1").version
    1
    """
    path = refuse_taken(folder)
    before = None if replaces is None else open_kept(replaces)
    about = {
        "format": FORMAT,
        "name": name or (before.name if before else path.name),
        "version": before.version + 1 if before else 1,
        "replaces": before.fingerprint if before else None,
        "measures": list(benchmark.measures),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    partial = path.with_name(f".{path.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)  # what a kill left
        partial.mkdir(parents=True)
        _write(benchmark, compact, partial)
        files = {file.name: file_digest(file) for file in sorted(partial.iterdir())}
        about |= {"artefacts": files, "fingerprint": digest(files)}
        write_json(partial / MANIFEST, about | {"seal": digest(about)})  # of the manifest itself
        partial.rename(path)
    except OSError as error:
        raise InputError(f"{path}: cannot write ({error.strerror or error}); free space or pick another folder") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # gone already, if all went well
    return open_kept(path)


def refuse_taken(folder: Path | str) -> Path:
    """The path of a folder to come. InputError: something is there already."""
    path = Path(folder)
    if os.path.lexists(path):  # a link that leads nowhere, too
        raise InputError(f"{path}: is there already, and a benchmark is never written over; give another folder")
    return path


def open_kept(folder: Path | str) -> Kept:
    """The benchmark that a folder keeps.

    Parameters
    ----------
    folder : str or Path
        As `freeze` wrote it.

    Returns
    -------
    Kept
        The frozen benchmark.

    Raises
    ------
    InputError
        None is there, or a file of it was changed since it was frozen.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.benchmarks import make_benchmark
    >>> kept = assay.freeze(make_benchmark(60), "shop-1")
    >>> assay.open_kept("shop-1").fingerprint == kept.fingerprint
    True
    """
    path = Path(folder)
    try:
        about = dict(json.loads((path / MANIFEST).read_text(encoding="utf-8")))
        about["fingerprint"]  # a run's manifest has none
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(f"{path}: holds no benchmark; make one: assay benchmark build") from None
    if about.get("format") != FORMAT:
        raise InputError(f"{path}: a benchmark of format {about.get('format')}, not {FORMAT}; freeze it again with this version")
    seal = about.pop("seal", None)
    artefacts = about["artefacts"] if digest(about) == seal else {}
    changed = [name for name, was in artefacts.items() if not (path / name).is_file() or file_digest(path / name) != was]
    if changed or not artefacts:
        what = ", ".join(changed) or MANIFEST
        raise InputError(
            f"{path}: {what} changed since the benchmark was frozen, its results would not be comparable; "
            "restore it, or freeze what it is now as a new version"
        )
    tables = {name: pq.read_table(path / f"{name}.parquet") for name in _TABLES if f"{name}.parquet" in artefacts}
    scores = Scoreboard.read(path / "scores.parquet") if "scores.parquet" in artefacts else None
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    benchmark = Benchmark(
        tables["requests"], tables["truth"], tables.get("candidates"), tuple(about["measures"]), scores, card,
        tables.get("items"), tables.get("judgements"),
    )  # fmt: skip
    compact, place = _read_compact(path / _COMPACT) if _COMPACT in artefacts else (None, None)
    names = {key: about[key] for key in ("name", "version", "fingerprint", "replaces")}
    return Kept(path, **names, benchmark=benchmark, compact=compact, place=place)


def _write(benchmark: Benchmark, compact: CompactSet | Anchors | None, folder: Path) -> None:
    for name in _TABLES:
        if (table := getattr(benchmark, name)) is not None:
            write_parquet(folder / f"{name}.parquet", table)
    if benchmark.scores is not None:
        benchmark.scores.write(folder / "scores.parquet")
    write_json(folder / "card.json", dict(benchmark.about))
    if compact is not None:
        arrays = {key: np.asarray(value) for key, value in vars(compact).items()}
        # benchmark.take put the rows in order of id
        arrays["place"] = np.argsort(np.argsort(compact.rows))
        write_arrays(folder / _COMPACT, arrays)


def _read_compact(path: Path) -> tuple[CompactSet | Anchors, NDArray[np.int64]]:
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    place = arrays.pop("place")
    plain = {name: values if values.ndim else values.item() for name, values in arrays.items()}
    kind: type[Any] = CompactSet if "design" in plain else Anchors
    return kind(**plain), place
