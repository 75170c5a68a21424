"""Samples, truth and searches as make_samples stored them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.logs.history import Codes
from assay.logs.takings import counted
from assay.runs.store import Folder, missing
from assay.samples.encoder import TableEncoder
from assay.samples.searches import TABLES, Searches
from assay.samples.table import NOT_FEATURES, STEPS, Samples, Takings
from assay.task import ABSOLUTE, BINARY, LabelType, label_type

_LABELS, _LOSS = b"labels", b"loss"
Which = Literal["samples", "candidates", "upcoming"]
ENCODER, INDEX, TAKINGS = "samples/encoder.json", "samples/index", "samples/takings.parquet"


def file_of(name: str) -> str:
    """The artefact of a table of make_samples."""
    return f"samples/{name}.parquet"


def load(
    run: Folder,
    split: str | None = None,
    which: Which = "samples",
    names: Sequence[str] | None = None,
    request: int | None = None,
) -> Samples:
    """Samples of a run, with their encoder: of one split, or all; of one request, by its id. names: only these features.

    InputError: none are stored.
    """
    path = run.path(file_of(which))
    if not path.exists():
        raise missing(path)
    encoder = TableEncoder.from_dict(run.read_json(ENCODER))
    columns = pq.read_schema(path).names
    keys = [name for name in NOT_FEATURES if name in columns]
    features = [name for name in columns if name not in keys and (names is None or name in names)]
    wanted = {"split": split, "request_id": request}
    rows = [(name, "==", value) for name, value in wanted.items() if value is not None]
    if request is None:
        table = pq.read_table(path, columns=[*keys, *features], filters=rows or None)
    else:
        table = _near(path, request, [*keys, *features]).filter(pq.filters_to_expression(rows))
    kind = label_type_of(run, which)
    return Samples(table.select(keys), table.select(features), encoder, takings=takings(run), label_type=kind)


def _near(path: Path, request: int, columns: Sequence[str]) -> pa.Table:
    """The groups of rows that hold a request, whole: a small part of a large file."""
    with pq.ParquetFile(path) as file:
        own = pc.equal(file.read(["request_id"]).column(0), request).fill_null(False).to_numpy()
        ends = np.cumsum([file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)])
        groups = np.unique(np.searchsorted(ends, np.flatnonzero(own), side="right"))
        return file.read_row_groups(groups.tolist(), columns=columns)


def with_label_type(table: pa.Table, kind: LabelType) -> pa.Table:
    """A table of samples that says in its metadata what its labels are, where they are other than 0 and 1."""
    return table.replace_schema_metadata({_LABELS: kind.name, _LOSS: kind.loss}) if kind.has_amounts else table


def label_type_of(run: Folder, which: Which = "samples") -> LabelType:
    """What the labels of a run's samples are."""
    said = pq.read_schema(run.path(file_of(which))).metadata or {}
    if _LABELS not in said:
        return BINARY
    return label_type(said[_LABELS].decode(), "absolute" if said[_LOSS].decode() == ABSOLUTE.loss else "squared")


def takings(run: Folder) -> Takings | None:
    """All that users took; None where the run's requests are searches, or rows of a table of the user's own."""
    if not run.exists(TAKINGS):
        return None
    return takings_of(run.read_table(TAKINGS), STEPS if run.exists(file_of("steps")) else 1)


def takings_of(table: pa.Table, span: int = 1) -> Takings:
    """Takings of their stored table."""
    user, item, moment, sampled = (table.column(name).to_numpy() for name in ("user_code", "item_code", "moment", "sampled"))
    return Takings(user, item, moment, sampled, span)


def read_searches(run: Folder) -> Searches:
    """The searches whose tables (Searches.tables) a run holds; their account is not kept with them."""
    return Searches.of_tables({name: run.read_table(file_of(name)) for name in TABLES})


def truth(section: SamplesSection, run: Folder) -> tuple[NDArray[np.int64], Codes]:
    """request_id and item_code (n,) of everything that requests took, also of items that are no candidates.

    InputError: a table of the user's own that names no requests.
    """
    if (log := CleanLog.find(run)) is None:
        if not run.exists(file_of("candidates")):
            raise InputError("the table names no requests to rank; name their column in [table] request")
        table = run.read_table(file_of("candidates"), ["request_id", "item_code", "label"])
        table = table.filter(pc.equal(table.column("label"), 1))
        return table.column("request_id").to_numpy(), table.column("item_code").to_numpy()
    if section.request == "query":
        searches = read_searches(run)
        taken = searches.outcome(section.target)
        return searches.column("request_id")[searches.of("request")[taken]], searches.of("item_code")[taken]
    if section.request == "session":
        steps = run.read_table(file_of("steps"))
        return steps.column("request_id").to_numpy(), steps.column("item_code").to_numpy()
    past = log.history(section.target, section.period_days, counted(log, section))
    return past.request_ids(past.bought.user, past.bought.period), past.bought.item
