"""From readable features to the columns of a sparse matrix: bins, one-hot, standardised numbers, crosses."""

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from assay.config import Encode
from assay.cores import cores
from assay.errors import InputError
from assay.samples.table import Samples

Codes = NDArray[np.int32]
_ROWS = 1 << 16  # that one thread encodes at a time: their entries stay in its cache


@dataclass(frozen=True)
class Encoding:
    """Which features are encoded how; a feature in no list reaches only models that read the table."""

    one_hot: tuple[str, ...] = ()
    binned: tuple[str, ...] = ()
    standard: tuple[str, ...] = ()
    crosses: tuple[tuple[str, str], ...] = ()

    def among(self, names: Sequence[str]) -> "Encoding":
        """The part whose features are there."""
        one_hot, binned, standard = (tuple(n for n in part if n in names) for part in (self.one_hot, self.binned, self.standard))
        return Encoding(one_hot, binned, standard, tuple(pair for pair in self.crosses if all(n in names for n in pair)))


# What a log's features become: few enough per row that exact curvature stays cheap (its cost is their square).
LOG_ENCODING = Encoding(
    binned=(
        "pair_faded_7", "pair_faded_14", "pair_faded_28", "pair_faded_56", "pair_faded_112", "pair_faded_365",
        "pair_trip_share_28", "pair_trip_share_112", "pair_share_56", "pair_days_since", "pair_gaps_since", "pair_views_4",
        "pair_carts_4", "pair_price_gap", "category_faded_14", "category_faded_56", "category_faded_365", "category_days_since",
        "category_gaps_since", "category_share_16", "name_faded_56", "name_faded_365", "name_days_since", "name_gaps_since",
        "item_buyers_1", "item_buyers_4", "item_buyers_16", "item_first_buyers_7", "item_first_buyers_28", "item_first_share",
        "item_repeat_share", "item_price", "item_trend", "item_price_change", "item_views_4", "item_rating", "user_trips_28",
        "user_trips_112", "user_items_per_trip", "user_new_share", "user_days_since", "score_user_knn", "score_category",
        "score_own", "score_popular", "score_co_purchase", "score_ease", "score_tifu_knn", "score_session_next", "score_text",
        "score_following",
    ),
    one_hot=("department",),
    crosses=(
        ("pair_times_bought", "pair_periods_since"), ("pair_faded_112", "item_repeat_share"),
        ("pair_gaps_since", "pair_faded_112"), ("pair_trip_share_112", "user_trips_28"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class _Block:
    """Columns of one feature (or cross of two): where they begin, and what was learnt on train.

    levels: texts of one-hot columns, edges: upper bounds of bins (the last is open; one more column for
    unknown), cells: kept cells of a cross. The column after the last of them is for the rare and the unknown.
    """

    kind: str
    features: tuple[str, ...]
    begin: int
    levels: tuple[str, ...] = ()
    edges: tuple[tuple[float, ...], ...] = ()
    cells: tuple[int, ...] = ()
    mean: float = 0.0
    scale: float = 1.0

    def names(self) -> list[str]:
        """Readable names of its columns."""
        shown = " x ".join(self.features)
        if self.kind == "constant":
            return ["intercept"]
        if self.kind == "standard":
            return [shown]
        if self.kind == "one_hot":
            return [*(f"{shown}={level}" for level in self.levels), f"{shown}: rare"]
        if self.kind == "binned":
            return [f"{shown} {cell}" for cell in _cells(self.edges[0])]
        first, second = (_cells(edges) for edges in self.edges)
        kept = [f"{first[c // len(second)]}, {second[c % len(second)]}" for c in self.cells]
        return [*(f"{shown} {cell}" for cell in kept), f"{shown}: rare"]

    @cached_property
    def _level_set(self) -> pa.Array:
        return pa.array(self.levels, pa.string())

    def columns(self, features: pa.Table) -> Codes:
        """(n,) the one column that each row has an entry in."""
        if self.kind in ("constant", "standard"):
            return np.full(features.num_rows, self.begin, np.int32)
        if self.kind == "one_hot":
            inside = _level_codes(features.column(self.features[0]), self._level_set)
        else:
            inside = _bin(features.column(self.features[0]), self.edges[0])
            if self.kind == "cross":
                cell = inside * (len(self.edges[1]) + 2) + _bin(features.column(self.features[1]), self.edges[1])
                kept = np.array(self.cells, np.int32)
                place = np.searchsorted(kept, cell)
                hit = (place < len(kept)) & (np.append(kept, -1)[place] == cell)
                inside = np.where(hit, place, len(kept)).astype(np.int32)
        return (inside + self.begin).astype(np.int32)

    def values(self, features: pa.Table) -> NDArray[np.float32]:
        """(n,) entries of a standardised feature; those of all others are 1."""
        values = (_numbers(features.column(self.features[0])) - self.mean) / self.scale
        return np.where(np.isfinite(values), np.clip(values, -8.0, 8.0), 0.0).astype(np.float32)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.cast(column, pa.float64()).to_numpy())


def _cells(edges: Sequence[float]) -> list[str]:
    shown = [f"{edge:.4g}" for edge in edges]
    inner = [f"in ({a}, {b}]" for a, b in itertools.pairwise(shown)]
    return [*([f"<= {shown[0]}"] if shown else ["known"]), *inner, *([f"> {shown[-1]}"] if shown else []), "unknown"]


def _bin(column: pa.ChunkedArray, edges: Sequence[float]) -> Codes:
    """(n,) bin of each number: 0 .. len(edges), and len(edges) + 1 where unknown."""
    values = _numbers(column)
    bins = np.searchsorted(np.array(edges), values, side="left")
    return np.where(np.isfinite(values), bins, len(edges) + 1).astype(np.int32)


def _quantiles(column: pa.ChunkedArray, bins: int) -> tuple[float, ...]:
    values = _numbers(column)
    values = values[np.isfinite(values)]
    if not len(values):
        return ()
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="lower"))
    return tuple(edges[edges < values.max()].tolist())


def _level_codes(column: pa.ChunkedArray, levels: pa.Array) -> Codes:
    """(n,) place of each text among levels; len(levels) for others and for null."""
    column = column.combine_chunks()
    column = column if pa.types.is_dictionary(column.type) else pc.cast(column, pa.string()).dictionary_encode()
    level_of = pc.index_in(pc.cast(column.dictionary, pa.string()), levels)
    of_code = np.append(level_of.fill_null(len(levels)).to_numpy(), len(levels)).astype(np.int32)
    return np.asarray(of_code[column.indices.fill_null(len(column.dictionary)).to_numpy()])


class TableEncoder:
    """Fitted by `fit` on training rows alone; every row has exactly one entry a block, so rows are equally long.

    The first column is a constant, `intercept`. names: readable names of the columns; source: the features that
    each comes from. A feature that is constant in train gets no column.
    """

    def __init__(self, blocks: Sequence[_Block]) -> None:
        self.blocks = list(blocks)
        self.names: list[str] = [name for block in blocks for name in block.names()]
        self.source: list[tuple[str, ...]] = [block.features for block in blocks for _ in block.names()]

    @classmethod
    def fit(cls, features: pa.Table, encoding: Encoding, section: Encode) -> "TableEncoder":
        """Learn levels, edges, means and cells from training features."""
        encoding = encoding.among(features.column_names)
        blocks = [_Block("constant", (), 0)]
        learnt = [_one_hot(features, name, section.rare) for name in encoding.one_hot]
        learnt += [_cross(features, pair, section) for pair in encoding.crosses]
        learnt += [_binned(features, name, section.bins) for name in encoding.binned]
        learnt += [_standard(features, name) for name in encoding.standard]
        for block in learnt:
            if block is not None:
                begin = blocks[-1].begin + len(blocks[-1].names())
                blocks.append(replace(block, begin=begin))
        return cls(blocks)

    def transform(self, features: pa.Table) -> sparse.csr_array:
        """(n,) rows of features -> CSR (n, columns), float32 data, int32 indices in order."""
        n, k = features.num_rows, len(self.blocks)
        indices = np.empty((n, k), np.int32)
        data = np.ones((n, k), np.float32)

        def fill(low: int) -> None:
            rows, piece = slice(low, low + _ROWS), features.slice(low, _ROWS)
            for b, block in enumerate(self.blocks):
                indices[rows, b] = block.columns(piece)
                if block.kind == "standard":
                    data[rows, b] = block.values(piece)

        with ThreadPoolExecutor(cores()) as threads:
            for _ in threads.map(fill, range(0, n, _ROWS)):
                pass
        indptr = np.arange(0, n * k + 1, k, dtype=np.int32 if n * k < 2**31 else np.int64)
        matrix = sparse.csr_array((data.reshape(-1), indices.reshape(-1), indptr), shape=(n, len(self.names)))
        matrix.has_canonical_format = True
        return matrix

    def only(self, features: Sequence[str]) -> "TableEncoder":
        """The part whose features are all among the given ones; what was learnt stays as it is."""
        blocks: list[_Block] = []
        for block in self.blocks:
            if set(block.features) <= set(features):
                begin = blocks[-1].begin + len(blocks[-1].names()) if blocks else 0
                blocks.append(replace(block, begin=begin))
        return TableEncoder(blocks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {"blocks": [asdict(block) for block in self.blocks]}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "TableEncoder":
        """What to_dict gave."""
        fields = ("features", "levels", "cells")
        blocks = []
        for entry in content["blocks"]:
            tuples = {name: tuple(entry[name]) for name in fields}
            blocks.append(_Block(**{**entry, **tuples, "edges": tuple(tuple(e) for e in entry["edges"])}))
        return cls(blocks)


def only(samples: Samples, kept: Sequence[str]) -> Samples:
    """The samples with every other feature hidden from models."""
    assert isinstance(samples.encoder, TableEncoder)
    hidden = frozenset(samples.features.column_names) - set(kept)
    return replace(samples, encoder=samples.encoder.only(kept), hidden=hidden)


def with_score(samples: Samples, name: str, score: NDArray[np.floating], encoder: TableEncoder | None = None) -> Samples:
    """The samples with another model's score (n,) as one more feature, which trees read as it is and encoders standardised.

    A transformer's score for (user, item), say. Give the training samples without an encoder: what is learnt of the score (mean,
    deviation) is learnt there; give the later splits the training samples' encoder. The score must come from a model that has
    not learnt from these very rows (an earlier period's, or another fold's), else it says the label. NaN is unknown.
    InputError: a name that is there already, a wrong length, or a score that is the same everywhere.
    """
    if name in samples.features.column_names:
        raise InputError(f"feature {name!r} is there already; give the score another name")
    if np.shape(score) != (len(samples),):
        raise InputError(f"the score {name!r} has shape {np.shape(score)} for {len(samples)} samples; give one number per row")
    features = samples.features.append_column(name, pa.array(np.asarray(score, np.float32), pa.float32(), from_pandas=True))
    if encoder is None and isinstance(samples.encoder, TableEncoder):
        block = _standard(features, name)
        if block is None:
            raise InputError(f"the score {name!r} is the same for all {len(samples)} samples: nothing can be learnt from it")
        encoder = TableEncoder([*samples.encoder.blocks, replace(block, begin=len(samples.encoder.names))])
    return replace(samples, features=features, encoder=encoder or samples.encoder)


def _one_hot(features: pa.Table, name: str, rare: int) -> _Block | None:
    counts = pc.value_counts(features.column(name).combine_chunks()).to_pylist()
    levels = sorted(str(c["values"]) for c in counts if c["values"] is not None and c["counts"] >= rare)
    return _Block("one_hot", (name,), 0, levels=tuple(levels)) if len(counts) > 1 and levels else None


def _binned(features: pa.Table, name: str, bins: int) -> _Block | None:
    edges = _quantiles(features.column(name), bins)
    if not edges and not features.column(name).null_count:
        return None
    return _Block("binned", (name,), 0, edges=(edges,))


def _standard(features: pa.Table, name: str) -> _Block | None:
    values = _numbers(features.column(name))
    values = values[np.isfinite(values)]
    scale = float(values.std()) if len(values) else 0.0
    return _Block("standard", (name,), 0, mean=float(values.mean()), scale=scale) if scale > 0 else None


def _cross(features: pa.Table, pair: tuple[str, str], section: Encode) -> _Block | None:
    edges = tuple(_quantiles(features.column(name), section.bins) for name in pair)
    first, second = (_bin(features.column(name), e) for name, e in zip(pair, edges, strict=True))
    cells, counts = np.unique(first * (len(edges[1]) + 2) + second, return_counts=True)
    kept = cells[counts >= section.rare]
    return _Block("cross", pair, 0, edges=edges, cells=tuple(kept.tolist())) if len(kept) > 1 else None
