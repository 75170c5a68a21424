"""Labelled samples: keys, readable features, and the two exits to models."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from assay.numerics.periods import microseconds
from assay.tables import SAMPLE_KEYS
from assay.task import BINARY, LabelType

NOT_FEATURES = (
    *SAMPLE_KEYS,
    "kind",
    "hour",
    "source",
    "draws",
    "key",
    "step",
    "amount",
)  # columns of samples that models do not see
STEPS = 1 << 16  # moments of a period, where requests are steps of sessions


class Encoder(Protocol):
    """Turns readable features into columns of a sparse matrix; fitted on train alone."""

    @property
    def names(self) -> Sequence[str]:
        """Readable names of the columns."""
        ...

    def transform(self, features: pa.Table) -> sparse.csr_array:
        """(n,) rows of features -> CSR (n, len(names)), float32 data, int32 indices."""
        ...


@dataclass(frozen=True)
class Takings:
    """All that users took in a log (n,), distinct in (user, item, moment): what recommenders know of users.

    moment: as Samples.moment; `span` of them make a period: 1, or STEPS. sampled: whether a labelled sample stands for it. What
    none stands for is known all the same: it came before training, or was no candidate.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    moment: NDArray[np.int32]
    sampled: NDArray[np.bool_]
    span: int = 1

    @cached_property
    def _firsts(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Distinct pairs of user and item in order, packed, and the moment at which each was first taken."""
        pair = self.user.astype(np.int64) << 32 | self.item
        order = np.lexsort((self.moment, pair))
        pairs, first = np.unique(pair[order], return_index=True)
        return pairs, self.moment[order][first]

    def had_before(self, user: NDArray[np.int32], item: NDArray[np.int32], moment: NDArray[np.int32]) -> NDArray[np.bool_]:
        """(n,) whether each user took the item before the moment."""
        pairs, first = self._firsts
        wanted = user.astype(np.int64) << 32 | item
        place = np.minimum(np.searchsorted(pairs, wanted), max(len(pairs) - 1, 0))
        return (pairs[place] == wanted) & (first[place] < moment) if len(pairs) else np.zeros(len(user), bool)


@dataclass(frozen=True)
class Samples:
    """Labelled samples, one row each.

    keys: the columns of tables.SAMPLE_KEYS. features: float32 columns (null: unknown) and
    dictionary<int32, string> columns, same rows. hidden: features that models must not learn from, though people
    read them. takings: of the whole log, where it is known. label_type: what labels are; of graded and continuous ones the keys
    have a column `amount`. A selection is the same Samples with other weights.
    """

    keys: pa.Table
    features: pa.Table
    encoder: Encoder | None = None
    hidden: frozenset[str] = frozenset()
    takings: Takings | None = None
    label_type: LabelType = BINARY

    def __len__(self) -> int:
        return int(self.keys.num_rows)

    def _column(self, name: str, dtype: type) -> NDArray[Any]:
        return np.asarray(self.keys.column(name).to_numpy().astype(dtype, copy=False))

    @cached_property
    def sample_id(self) -> NDArray[np.int64]:
        """(n,) stable ids."""
        return self._column("sample_id", np.int64)

    @cached_property
    def _by_id(self) -> NDArray[np.int64]:
        """(n,) positions in order of sample_id."""
        return np.argsort(self.sample_id, kind="stable")

    def rows_of(self, sample_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """(m,) position of the sample with each of the ids (m,): -1 where no sample has it, the first where several have."""
        place = np.searchsorted(self.sample_id, sample_ids, sorter=self._by_id)
        row = np.append(self._by_id, -1)[place]
        hit = (row >= 0) & (np.append(self.sample_id, 0)[row] == sample_ids)
        return np.where(hit, row, -1)

    @cached_property
    def label(self) -> NDArray[np.int8]:
        """(n,) 0 or 1; of graded and continuous labels whether the amount is above 0."""
        return self._column("label", np.int8)

    @cached_property
    def response(self) -> NDArray[np.float64]:
        """(n,) what models of single samples learn: the label, or the amount where labels are continuous."""
        return self._column("label" if self.label_type.is_chance else "amount", np.float64)

    @cached_property
    def told(self) -> NDArray[np.float64]:
        """(n,) what people are told of a label: the amount, or the label where there are none."""
        return self._column("amount" if self.label_type.has_amounts else "label", np.float64)

    @cached_property
    def gain(self) -> NDArray[np.float64]:
        """(n,) what a place on a list gains by the sample: the label, or the amount where there are amounts, 0 at least."""
        return (
            np.maximum(self._column("amount", np.float64), 0.0)
            if self.label_type.has_amounts
            else self._column("label", np.float64)
        )

    @cached_property
    def weight(self) -> NDArray[np.float64]:
        """(n,) 0 or more."""
        return self._column("weight", np.float64)

    @cached_property
    def user(self) -> NDArray[np.int32]:
        """(n,) dense user codes."""
        return self._column("user_code", np.int32)

    @cached_property
    def item(self) -> NDArray[np.int32]:
        """(n,) dense item codes."""
        return self._column("item_code", np.int32)

    @cached_property
    def request(self) -> NDArray[np.int64]:
        """(n,) request ids."""
        return self._column("request_id", np.int64)

    @cached_property
    def period(self) -> NDArray[np.int32]:
        """(n,) number of the request's period."""
        return self._column("period", np.int32)

    @cached_property
    def moment(self) -> NDArray[np.int32]:
        """(n,) what orders requests of a user: the period; of steps of sessions period * STEPS + steps before in the period."""
        if "step" not in self.keys.column_names:
            return self.period
        return np.asarray(self.period * np.int32(STEPS) + self._column("step", np.int32))

    @cached_property
    def instant(self) -> NDArray[np.int64]:
        """(n,) microseconds since 1970-01-01 of the request."""
        return microseconds(self.keys.column("timestamp"))

    def chances(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) chances of being taken in the request, from what a model says of the samples; amounts stay as they are.

        They are the model's probabilities, unless it learnt from drawn negatives: then its odds are those of a taking against a
        draw, and are multiplied by how often the item would be drawn (column `draws` of the keys, samples.draws).
        """
        if "draws" not in self.keys.column_names or not self.label_type.is_chance:
            return probability
        odds = probability / np.maximum(1.0 - probability, 1e-15) * self._column("draws", np.float64)
        return np.asarray(odds / (1.0 + odds))

    def table(self) -> pa.Table:
        """Keys and features as one Arrow table."""
        table = self.keys
        for name in self.features.column_names:
            table = table.append_column(name, self.features.column(name))
        return table

    @cached_property
    def _matrix(self) -> sparse.csr_array:
        assert self.encoder is not None, "samples without an encoder have no matrix"
        return self.encoder.transform(self.features)

    def matrix(self) -> sparse.csr_array:
        """One CSR row per sample, in the encoder's columns; made once, then kept."""
        return self._matrix

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Samples":
        """The rows of a boolean mask or of positions, in that order."""
        positions = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        at = pa.array(positions)
        taken = replace(self, keys=self.keys.take(at), features=self.features.take(at))
        if "_matrix" in self.__dict__:
            taken.__dict__["_matrix"] = self._matrix[positions]
        return taken

    def split(self, name: str) -> "Samples":
        """The rows of one split."""
        return self.take(pc.equal(self.keys.column("split"), name).to_numpy(zero_copy_only=False))

    def with_weight(self, weight: NDArray[np.float64]) -> "Samples":
        """The same samples under other weights; the matrix is shared."""
        return self._with_key("weight", pa.array(weight, pa.float64()))

    def with_label(self, label: NDArray[np.int8]) -> "Samples":
        """The same samples with other labels of 0 and 1; the matrix is shared. Grades of those that differ become 0 and 1 too."""
        changed = self._with_key("label", pa.array(label, pa.int8()))
        if not self.label_type.has_amounts:
            return changed
        amount = np.where(label == self.label, self._column("amount", np.float64), label)
        return changed._with_key("amount", pa.array(amount, pa.float64()))

    def with_response(self, response: NDArray[np.float64]) -> "Samples":
        """The same samples with other responses: labels of 0 and 1, or continuous ones; the matrix is shared."""
        if self.label_type.is_chance:
            return self.with_label(response.astype(np.int8))
        return self._with_key("amount", pa.array(response, pa.float64()))

    def _with_key(self, name: str, column: pa.Array) -> "Samples":
        same = replace(self, keys=self.keys.set_column(self.keys.column_names.index(name), name, column))
        if "_matrix" in self.__dict__:
            same.__dict__["_matrix"] = self._matrix
        return same

    def kept(self) -> "Samples":
        """Without the rows of weight 0."""
        return self if bool(np.all(self.weight > 0)) else self.take(self.weight > 0)
