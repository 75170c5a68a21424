"""Entry for teams that have a feature table already: one row per labelled sample, any columns."""

from collections.abc import Container, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import Encode, OwnTable, SamplesSection
from assay.errors import ConfigError, SourceError, did_you_mean
from assay.numerics.hashing import hash_ids, mix
from assay.numerics.periods import DAY, FIRST_MONDAY, days, starts
from assay.samples import own_rows
from assay.samples.encoder import Encoding, TableEncoder
from assay.samples.rows import Chunk, gain_lists
from assay.samples.splits import split_periods
from assay.samples.table import NOT_FEATURES, Samples
from assay.tables import SAMPLE_KEYS, SPLITS
from assay.task import label_type

GROUPS = "groups"  # the table of samples' groups of people
MOST_GROUPS = 20  # of one attribute
UNKNOWN = "unknown"  # the group of those whose group is missing

_SPLIT_WORDS = {"train": 0, "training": 0, "validation": 1, "valid": 1, "val": 1, "dev": 1, "tuning": 2, "tune": 2, "test": 3}
_SHARES = (0.55, 0.70, 0.85)  # ends of train, validation and tuning where rows are split by chance
_DRAW = 11


def _refuse(wrong: NDArray[np.bool_], column: str, what: str, path: str) -> None:
    if wrong.any():
        raise SourceError(f"{path}: row {int(np.argmax(wrong)) + 1}, column {column!r}: {what}")


_KINDS = {"binary": "0 or 1", "graded": "a grade of 0 or more", "continuous": "a number"}


def _labels(table: pa.Table, section: OwnTable) -> NDArray[np.float64]:
    """Labels (n,): 0 and 1, grades, or continuous ones, as the section says."""
    column, kind = table.column(section.label), f"a label is {_KINDS[section.labels]}"
    _refuse(column.is_null().to_numpy(zero_copy_only=False), section.label, f"is missing; {kind}", section.path)
    try:
        values = pc.cast(column, pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise SourceError(f"{section.path}: column {section.label!r} is {column.type}; {kind}") from None
    if section.labels == "binary":
        wrong, what = (values != 0) & (values != 1), "is neither 0 nor 1; labels are never rescaled"
        if not wrong.all() and len(np.unique(values)) > 2:
            what += ', and with [table] labels = "graded" or "continuous" they may be other numbers'
        _refuse(wrong, section.label, what, section.path)
    else:
        _refuse(~np.isfinite(values), section.label, f"is infinite or no number; {kind}", section.path)
        _refuse((values < 0) & (section.labels == "graded"), section.label, f"is below 0; {kind}", section.path)
    label_type(section.labels, "squared").check(values, section.path, "one class only cannot be learnt from")
    return np.asarray(values)


def _codes(table: pa.Table, name: str | None) -> tuple[pa.Array, NDArray[np.int32]]:
    """Ids as they came (row numbers where there is no column) and dense codes in order of id."""
    if name is None:
        rows = np.arange(table.num_rows, dtype=np.int64)
        return pa.array(rows), rows.astype(np.int32)
    column = table.column(name).combine_chunks()
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    column = pc.cast(column, pa.int64() if _is_signed(column.type) else pa.string())
    ids = pc.unique(column).sort()
    return column, pc.index_in(column, ids).to_numpy().astype(np.int32)


def _is_signed(kind: pa.DataType) -> bool:
    """Whether int64 holds all numbers of an integer type; ids of others are kept as text."""
    return bool(pa.types.is_integer(kind) and kind != pa.uint64())


def _sample_ids(table: pa.Table, section: OwnTable) -> NDArray[np.int64]:
    if section.key is None:
        return mix(np.arange(table.num_rows, dtype=np.int64)).view(np.int64)
    column = table.column(section.key)
    _refuse(column.is_null().to_numpy(zero_copy_only=False), section.key, "is missing; every row needs a key", section.path)
    integers = _is_signed(column.type)
    ids = column.to_numpy().astype(np.int64) if integers else hash_ids(pc.cast(column, pa.string())).view(np.int64)
    first = np.unique(ids, return_index=True)[1]
    again = np.ones(len(ids), bool)
    again[first] = False
    _refuse(again, section.key, f"the key {column[int(np.argmax(again))]} stands twice; keys are unique", section.path)
    return np.asarray(ids)


def _features(table: pa.Table, section: OwnTable, groups: Sequence[str] = ()) -> tuple[pa.Table, Encoding]:
    """Float32 and dictionary columns; by default every column that is nothing else, and names no groups of people.

    One whose name samples have a column of their own for, as "amount" or "weight", gets a _ behind it.
    """
    used = {section.label, section.key, section.timestamp, section.user, section.item, section.request, section.weight}
    used |= {section.split, section.random_split, *groups}
    numeric, categorical = list(section.numeric), list(section.categorical)
    if not numeric and not categorical:
        for field in table.schema:
            if field.name not in used:
                is_number = pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
                (numeric if is_number or pa.types.is_decimal(field.type) else categorical).append(field.name)
    if not numeric and not categorical:
        raise ConfigError(f"[table]: {section.path} has no feature column besides keys and label; add columns to learn from")
    columns: dict[str, Any] = {}
    for name in numeric:
        try:
            values = pc.cast(table.column(name), pa.float64()).to_numpy()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            kind = table.column(name).type
            raise SourceError(f"{section.path}: column {name!r} is {kind}, not a number; name it in categorical") from None
        _refuse(np.isinf(values), name, "is infinite; write it as missing, or as the number it stands for", section.path)
        with np.errstate(over="ignore"):
            single = values.astype(np.float32)
        _refuse(np.isinf(single), name, "is beyond what a feature holds (3.4e38); check its unit", section.path)
        columns[name] = pa.array(single, pa.float32(), from_pandas=True)
    for name in categorical:
        text = table.column(name)
        text = text.cast(text.type.value_type) if pa.types.is_dictionary(text.type) else text
        columns[name] = pc.cast(text, pa.string()).combine_chunks().dictionary_encode()
    free = {name: _free(name, columns) for name in columns}
    features = pa.table({free[name]: column for name, column in columns.items()})
    return features, Encoding(one_hot=tuple(free[name] for name in categorical), binned=tuple(free[name] for name in numeric))


def _free(name: str, others: Container[str]) -> str:
    """The name of a feature, which neither a column of all samples nor another feature has."""
    feature = name
    while feature in NOT_FEATURES or (feature != name and feature in others):
        feature += "_"
    return feature


def read(section: OwnTable, encode: Encode | None = None, samples: SamplesSection | None = None) -> Samples:
    """A labelled table as Samples, its encoder fitted on the training rows.

    Keys and labels stay as they are: never normalised, never imputed. With a timestamp column rows are split by
    one global time as [samples] says (no warm-up); without one all rows are train. Without a user column each row
    counts as its own user, without a request column a user in a period is one. Numbers may be missing (null or
    NaN). Errors name the file, row and column.
    """
    requests = TableRequests(section, samples or SamplesSection())
    part, features = requests.labelled(), requests.features
    encoder = TableEncoder.fit(features.take(pa.array(np.flatnonzero(part.split == 0))), requests.encoding, encode or Encode())
    kind = label_type(section.labels, (samples or SamplesSection()).loss)
    return Samples(part.keys, features, encoder, label_type=kind)


def _groups(table: pa.Table, groups: Sequence[str], section: OwnTable) -> pa.Table:
    """The columns (n,) that name groups of people, as text; ConfigError: one is not there, or is no groups."""
    columns: dict[str, pa.Array] = {}
    for name in groups:
        if name not in table.column_names:
            hint = did_you_mean(name, table.column_names)
            raise ConfigError(
                f"[evaluate] groups: {section.path} has no column {name!r}{hint}; it has {', '.join(table.column_names)}"
            )
        column = table.column(name)
        column = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        columns[name] = pc.fill_null(pc.cast(column, pa.string()), UNKNOWN)
        levels = pc.count_distinct(columns[name]).as_py()
        if not 2 <= levels <= MOST_GROUPS:
            raise ConfigError(
                f"[evaluate] groups: column {name!r} has {levels:,} different values, and groups are 2 to {MOST_GROUPS}; "
                "write bands or classes of it into a column"
            )
    return pa.table(columns)


class TableRequests:
    """Labelled rows of a table of one's own, and candidates where it names requests; see make.Requests.

    features stay as they came: none is left out. groups: columns that name groups of people. Errors name the file, row and
    column.
    """

    candidate_sources = ()
    advice = "name the rows' time in [table] timestamp and set validation, tuning, test and period_days in [samples]"
    retrieval = None

    def __init__(self, section: OwnTable, samples: SamplesSection, groups: Sequence[str] = ()) -> None:
        table = own_rows.read(section)
        self.names_requests = section.request is not None
        self.keys = _keys(table, section, samples)
        self.features, self.encoding = _features(table, section, groups)
        self.groups = _groups(table, groups, section)

    def kept(self, features: pa.Table, train: NDArray[np.bool_]) -> list[str]:  # noqa: ARG002
        """All of them."""
        return list(features.column_names)

    def labelled(self) -> Chunk:
        """Every row."""
        return Chunk(self.keys, lambda: self.features)

    def ranked(self) -> Iterator[tuple[str, Chunk]]:
        """The rows of tuning and test, where they name their requests."""
        if self.names_requests:
            keys, rows = self._later()
            yield "candidates", Chunk(keys, lambda: self.features.take(rows))

    def _later(self) -> tuple[pa.Table, pa.Array]:
        """Keys of the rows of tuning and test, and their places."""
        split = self.keys.column("split")
        rows = pa.array(np.flatnonzero(pc.is_in(split, pa.array(SPLITS[2:])).to_numpy(zero_copy_only=False)))
        return self.keys.take(rows), rows

    def tables(self, keys: pa.Table) -> dict[str, pa.Table]:  # noqa: ARG002
        """requests: who, when, and how many rows were positive, of those of tuning and test; none where rows name none.

        A request with rows in both stands once for each, with what it has there. groups: of every row, where the config asks.
        """
        named = {GROUPS: self.groups.add_column(0, "sample_id", self.keys.column("sample_id"))} if self.groups.num_columns else {}
        if not self.names_requests:
            return named
        later = Samples(self._later()[0], pa.table({}))
        split = later.keys.column("split")
        of_test = pc.equal(split.cast(pa.string()), SPLITS[3]).to_numpy(zero_copy_only=False).astype(np.int64)
        pairs = np.stack([later.request, of_test])
        (request, _), first, code = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
        columns = {
            "request_id": request,
            "user_code": later.user[first],
            "period": later.period[first],
            "split": split.take(pa.array(first)),
            "truth_count": np.bincount(code, later.label, minlength=len(request)).astype(np.int32),
        }
        if "amount" in later.keys.column_names:
            columns["gains"] = gain_lists(code, later.keys.column("amount").to_numpy(), len(request))
        return {"requests": pa.table(columns), **named}

    def account(self, keys: pa.Table, encoder: TableEncoder, constant: list[str]) -> dict[str, Any]:  # noqa: ARG002
        """The features that got no column."""
        encoded = {name for source in encoder.source for name in source}
        return {"constant_features_left_out": [name for name in self.features.column_names if name not in encoded]}


def _keys(table: pa.Table, section: OwnTable, samples: SamplesSection) -> pa.Table:
    """The columns of tables.SAMPLE_KEYS, and `key` where rows have one of their own."""
    n = table.num_rows
    label = _labels(table, section)
    user_id, user = _codes(table, section.user)
    item_id, item = _codes(table, section.item)
    weight = np.ones(n)
    if section.weight is not None:
        weight = pc.cast(table.column(section.weight), pa.float64()).to_numpy()
        _refuse(~(weight >= 0) | np.isinf(weight), section.weight, "is no weight; give a number of 0 or more", section.path)
    period, split, time = _times(table, section, samples)
    if section.request is not None:
        request = hash_ids(_codes(table, section.request)[0]).view(np.int64)
    else:
        request = mix(user.astype(np.int64), period).view(np.int64)
    columns: dict[str, Any] = {
        "sample_id": _sample_ids(table, section), "user_id": user_id, "item_id": item_id, "request_id": request,
        "user_code": user, "item_code": item, "period": period, "timestamp": time,
        "split": pa.array(SPLITS).take(pa.array(split)), "label": (label > 0).astype(np.int8), "weight": weight,
    }  # fmt: skip
    keys = pa.table({name: columns[name] for name in SAMPLE_KEYS})
    if section.labels != "binary":
        keys = keys.append_column("amount", pa.array(label))
    return keys.append_column("key", table.column(section.key)) if section.key is not None else keys


def _splits(table: pa.Table, section: OwnTable) -> NDArray[np.int64]:
    """Index (n,) into SPLITS of rows without a time: by a column, by chance, or all of them train.

    By chance 55 % are train and 15 % each of the others. Where a column names no tuning set, half of validation is it; where it
    names neither, three in ten rows of train are the two.
    """
    if section.split is None and section.random_split is None:
        return np.zeros(table.num_rows, np.int64)
    ids = _codes(table, section.random_split)[0] if section.random_split else pa.array(np.arange(table.num_rows))
    _refuse(
        ids.is_null().to_numpy(zero_copy_only=False), section.random_split or "", "is missing; every row needs one", section.path
    )
    draw = mix(hash_ids(ids).view(np.int64), _DRAW).view(np.uint64) / 2.0**64  # (n,) in [0, 1)
    if section.split is None:
        return np.searchsorted(_SHARES, draw, side="right")
    words = pc.utf8_lower(pc.cast(table.column(section.split), pa.string())).to_pylist()
    known = [_SPLIT_WORDS.get(word or "", -1) for word in words]
    split = np.array(known, np.int64)
    allowed = ", ".join(sorted(_SPLIT_WORDS))
    _refuse(split < 0, section.split, f"names no split; a split is one of {allowed}", section.path)
    for name in (SPLITS[0], SPLITS[3]):
        if not (split == SPLITS.index(name)).any():
            raise SourceError(f"{section.path}: column {section.split!r} names no row {name}; it is needed")
    if not (split == 1).any():
        split = np.where((split == 0) & (draw < 0.3), 1 + (draw < 0.15), split)
    elif not (split == 2).any():
        split = np.where((split == 1) & (draw < 0.5), 2, split)
    return split


def _times(table: pa.Table, section: OwnTable, samples: SamplesSection) -> tuple[NDArray[np.int32], NDArray[np.int64], pa.Array]:
    """Period, split and instant (n,) of each row."""
    if section.timestamp is None:
        timeless = np.zeros(table.num_rows, np.int32)
        return timeless, _splits(table, section), starts(timeless, samples.period_days)
    column = table.column(section.timestamp)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    _refuse(missing, section.timestamp, "is missing; every row needs a time", section.path)
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        raise SourceError(f"{section.path}: column {section.timestamp!r} is {column.type}; give a timestamp or a date")
    if pa.types.is_date(column.type) or column.type.tz is None:
        column = pc.assume_timezone(pc.cast(column, pa.timestamp("us")), "UTC")
    day = days(column)
    splits = split_periods(int(day.min()), int(day.max()), samples.model_copy(update={"warm_up": 0}))
    period = (day // samples.period_days).astype(np.int32)
    micro = (day + FIRST_MONDAY) * DAY
    time = pa.array(micro, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    return period, np.maximum(splits.of(period), 0), time
