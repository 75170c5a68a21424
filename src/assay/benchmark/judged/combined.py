"""What several judges say together: one grade for each pair, who gave it and when, and how far they agree."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from assay.benchmark.judged import files
from assay.benchmark.judged.record import FILE, PairJudged, Record, judges_of
from assay.benchmark.keep.card import Judging
from assay.errors import InputError
from assay.language import english
from assay.numerics.agreement import Agreement, agreement
from assay.runs.store import finite

RULE = english("the median of its judges' grades, of two middle ones the lower")
SCHEMA = pa.schema(
    [
        ("request_id", pa.string()), ("item_id", pa.string()), ("grade", pa.float64()), ("highest", pa.int64()),
        ("judge", pa.string()), ("when", pa.string()), ("benchmark", pa.string()),
    ]
)  # fmt: skip


class Combined(NamedTuple):
    """Judgements of pairs. grades: by (request, item), ids as text. about: who, when, on which version, and how far they agree.

    table: as SCHEMA, one row for each judge of a pair; null where a file does not tell.
    """

    grades: dict[tuple[str, str], float]
    table: pa.Table
    about: Judging


def median(grades: Sequence[int]) -> int:
    """The grade that RULE gives to the grades of one pair, at least one."""
    return sorted(grades)[(len(grades) - 1) // 2]


def by_pair(judged: Iterable[PairJudged]) -> dict[tuple[str, str], int]:
    """RULE's grade of each pair (request, item); all must have a grade."""
    grades: dict[tuple[str, str], list[int]] = {}
    for one in judged:
        assert one.grade is not None
        grades.setdefault((one.request, one.item), []).append(one.grade)
    return {pair: median(several) for pair, several in grades.items()}


def agreed(judged: Sequence[PairJudged], seed: int = 0) -> Agreement:
    """Ordinal alpha of the judges of pairs, with its interval over pairs."""
    units = {pair: n for n, pair in enumerate(sorted({(one.request, one.item) for one in judged}))}
    names = {name: n for n, name in enumerate(judges_of(judged))}
    unit, judge = [units[one.request, one.item] for one in judged], [names[one.judge] for one in judged]
    return agreement(unit, judge, [float(one.grade or 0) for one in judged], seed=seed)


def read(path: Path | str) -> Combined:
    """Judgements of a folder that people judged in, of its file, or of a file of `assay.read_judgements`.

    A file of others says neither who nor when. InputError: nothing was judged there, or on several scales.
    """
    path = Path(path)
    if path.is_dir() and not (path / FILE).exists():
        raise InputError(f"{path}: nobody judged there yet (it has no {FILE})")
    if path.is_dir() or path.suffix == Path(FILE).suffix:
        if not path.is_dir() and path.name != FILE:
            raise InputError(f"{path}: is no file of judgements; people's are in {FILE}, give its folder")
        return of_record(Record(path if path.is_dir() else path.parent))
    table = files.read(path)
    if not table.num_rows:
        raise InputError(f"{path}: no pair has a grade there")
    pairs = list(zip(table.column("query").to_pylist(), table.column("item_id").to_pylist(), strict=True))
    grades = dict(zip(pairs, table.column("grade").to_pylist(), strict=True))
    if len(grades) < len(pairs):
        twice = next(pair for pair in pairs if pairs.count(pair) > 1)
        raise InputError(f"{path}: item {twice[1]!r} of request {twice[0]!r} is there twice; keep one")
    rows = [{"request_id": request, "item_id": item, "grade": grade} for (request, item), grade in grades.items()]
    about = Judging(file=path.name, pairs=len(pairs), judgements=len(pairs), problem=english("the file does not say who judged"))
    return Combined(grades, pa.Table.from_pylist(rows, SCHEMA), about)


def of_record(record: Record) -> Combined:
    """What stands in a record of people's judgements. InputError: no pair has a grade, or they are on several scales."""
    judged = record.graded()
    if not judged:
        raise InputError(f"{record.path}: no pair has a grade yet; judge some first")
    scales = sorted({one.highest for one in judged})
    if len(scales) > 1:
        named = " and ".join(f"0 to {highest}" for highest in scales)
        raise InputError(f"{record.path}: was judged on several scales ({named}); move the file away and judge on one")
    grades = by_pair(judged)
    several: dict[tuple[str, str], set[int | None]] = {}
    for one in judged:
        several.setdefault((one.request, one.item), set()).add(one.grade)
    measured = agreed(judged)
    versions = [one.benchmark for one in judged]
    times = [one.when for one in judged]
    rows = [
        {
            "request_id": one.request, "item_id": one.item, "grade": one.grade, "highest": one.highest, "judge": one.judge,
            "when": one.when, "benchmark": one.benchmark,
        }
        for one in judged
    ]  # fmt: skip
    about = Judging(
        file=FILE, rule=RULE, pairs=len(grades), judgements=len(judged), judges=judges_of(judged),
        first=min(times), last=max(times), versions={name: versions.count(name) for name in sorted(set(versions))},
        doubled=measured.units,
        differing=sum(len(said) > 1 for said in several.values()), damaged=record.damaged, problem=measured.problem,
        **finite({"alpha": measured.alpha, "low": measured.low, "high": measured.high}),
    )  # fmt: skip
    return Combined({pair: float(grade) for pair, grade in grades.items()}, pa.Table.from_pylist(rows, SCHEMA), about)
