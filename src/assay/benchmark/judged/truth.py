"""People's judgements as truth of a benchmark."""

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from assay.benchmark.inputs import numbers
from assay.benchmark.judged.combined import Combined
from assay.benchmark.keep.card import Card
from assay.benchmark.keep.contents import PAIR, REQUEST, Benchmark
from assay.errors import InputError

GRADES = (*PAIR, "grade")


def truth_of(combined: Combined) -> pa.Table:
    """Judgements alone as truth: request_id and item_id as text, grade; in order of request and item."""
    rows = sorted((*pair, grade) for pair, grade in combined.grades.items())
    kinds = (pa.string(), pa.string(), pa.float64())
    columns = [pa.array([row[n] for row in rows], kind) for n, kind in enumerate(kinds)]
    return pa.table(dict(zip(GRADES, columns, strict=True)))


def judged_benchmark(benchmark: Benchmark, combined: Combined) -> Benchmark:
    """A benchmark in whose truth each judged pair has the grade that people gave it.

    Pairs that nobody judged stay as its truth has them, and so do their requests and the design weights. Judgements for other
    requests are left out. What systems scored before is left out: they scored it on another truth. Its card says who judged, and
    when.

    InputError: no judgement is for a request of this benchmark, or its items' ids are of another kind.
    """
    ids = benchmark.requests.column(REQUEST)
    own = set(pc.cast(ids, pa.string()).to_pylist())
    said = {pair: grade for pair, grade in combined.grades.items() if pair[0] in own}
    if not said:
        first = next(iter(combined.grades))[0]
        raise InputError(f"no judgement is for a request of this benchmark (the first is for {first!r}); compare the ids")
    truth = benchmark.truth
    texts = [pc.cast(truth.column(name), pa.string()).to_pylist() for name in PAIR]
    pairs = list(zip(*texts, strict=True))
    before = numbers(truth, "grade", "truth").tolist()
    grades = [said.get(pair, grade) for pair, grade in zip(pairs, before, strict=True)]
    added = sorted(said.keys() - set(pairs))
    types = [truth.column(name).type for name in PAIR]
    columns = [
        pa.concat_arrays([truth.column(name).combine_chunks(), _of_type((pair[n] for pair in added), types[n], name)])
        for n, name in enumerate(PAIR)
    ]
    grade = pa.array([*grades, *(said[pair] for pair in added)], pa.float64())
    about = combined.about.model_copy(
        update={
            "requests": len({request for request, _ in said}),
            "changed": sum(one != other for one, other in zip(grades, before, strict=True)),
            "added": len(added),
            "elsewhere": len(combined.grades) - len(said),
        }
    )
    kept = combined.table.filter(pc.is_in(combined.table.column(REQUEST), pa.array(sorted(own))))
    for n, name in enumerate(PAIR):
        kept = kept.set_column(n, name, _of_type(kept.column(name).to_pylist(), types[n], name))
    return replace(
        benchmark,
        truth=pa.table(dict(zip(GRADES, [*columns, grade], strict=True))),
        scores=None,
        judgements=kept,
        about={**benchmark.about, **Card(judging=about).known()},
    )


def _of_type(texts: Iterable[str], kind: pa.DataType, name: str) -> pa.Array:
    """Ids given as text, of the type that a benchmark's truth has them in."""
    column = pa.array(texts, pa.string())
    try:
        return pc.cast(column, kind)
    except pa.ArrowInvalid:
        raise InputError(f"judgements: {name} holds text, and the benchmark's truth {kind}; compare the ids") from None
