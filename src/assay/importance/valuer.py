"""What a valuer is, and what it returns: one value per training sample, with its standard error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError, SplitError
from assay.importance.values import Values, Vector, fold_stderr, z_score
from assay.models.capabilities import Capability
from assay.numerics.hashing import hash_ids, mix, uniform
from assay.samples.table import Samples
from assay.shown import html_table

_SHOWN = 5  # samples of either end that a notebook shows


@dataclass(frozen=True)
class Importance:
    """Values of samples: what the utility would fall by without each; higher is more useful, never rescaled.

    sample_id (n,) int64; value (n,) in the utility's unit; per_fold (F, n) or None: the values on each fold of
    validation users, of which `value` is the mean. metadata: method, utility, model.
    """

    sample_id: NDArray[np.int64]
    value: Vector
    per_fold: NDArray[np.float64] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Samples, values: Values, method: str, utility: str, model: str) -> Self:
        """The values (n,) of samples, as an array function found them; standard errors only where folds tell them."""
        metadata = {"method": method, "utility": utility, "model": model}
        return cls(samples.keys.column("sample_id").to_numpy(), np.asarray(values), values.per_fold, metadata)

    def __post_init__(self) -> None:
        """ValueError: lengths that differ, or a sample_id twice."""
        if self.value.shape != self.sample_id.shape:
            shapes = f"value has shape {self.value.shape} and sample_id {self.sample_id.shape}"
            raise ValueError(f"{shapes}; give one value per sample")
        ordered = np.sort(self.sample_id)
        twice = np.flatnonzero(ordered[1:] == ordered[:-1])
        if len(twice):
            raise ValueError(f"sample_id holds {ordered[twice[0]]} twice ({len(twice)} such rows); ids must be distinct")

    @cached_property
    def stderr(self) -> Vector:
        """(n,) standard error of value over folds: sd / sqrt(F); NaN without folds."""
        return np.full(len(self.value), np.nan) if self.per_fold is None else fold_stderr(self.value, self.per_fold)

    @cached_property
    def z(self) -> Vector:
        """(n,) value / (stderr + median stderr), so that near-null samples do not win; NaN without folds."""
        return z_score(self.value, self.stderr)

    def order(self) -> NDArray[np.int64]:
        """(n,) positions from least to most useful: by z where there are folds, else by value; ties by sample_id."""
        return np.lexsort((self.sample_id, self.value if self.per_fold is None else self.z))

    def rolled_up(self, group: pa.Array | pa.ChunkedArray) -> pa.Table:
        """Values of groups: sums over their samples, folds with them.

        group (n,): the user, item, session, request or day of each sample, in their order; null belongs to none. One row per
        group in order of name: group, value, stderr, z (NaN without folds), samples. First order: taking a whole group away
        does more or less than its samples one by one (see group_influence). ValueError: another length.
        """
        if len(group) != len(self.value):
            raise ValueError(f"group has {len(group)} entries for {len(self.value)} samples; give one per sample")
        names = pc.unique(group.drop_null()).sort()
        code = pc.fill_null(pc.index_in(group, names), len(names)).to_numpy(zero_copy_only=False)
        folds = self.value[None] if self.per_fold is None else self.per_fold
        summed = np.stack([np.bincount(code, fold, len(names) + 1)[: len(names)] for fold in folds]).astype(np.float64)
        value = summed.mean(axis=0)
        stderr = fold_stderr(value, summed)
        size = np.bincount(code, minlength=len(names) + 1)[: len(names)]
        return pa.table({"group": names, "value": value, "stderr": stderr, "z": z_score(value, stderr), "samples": size})

    def _repr_html_(self) -> str:
        """The samples that harm most and help most, for a notebook."""
        order = self.order()
        ends = order if len(order) <= 2 * _SHOWN else np.concatenate((order[:_SHOWN], order[-_SHOWN:]))
        rows = [(str(self.sample_id[i]), *(float(part[i]) for part in (self.value, self.stderr, self.z))) for i in ends]
        told = " of ".join(self.metadata[name] for name in ("method", "model") if name in self.metadata)
        unit = f" (utility: {self.metadata['utility']})" if "utility" in self.metadata else ""
        above = f"{told or 'values'} for {len(order):,} samples{unit}; from least to most useful"
        return html_table(rows, ("sample_id", "value", "stderr", "z"), above=above)

    def table(self) -> pa.Table:
        """Columns of tables.IMPORTANCE, metadata in the schema."""
        columns = {"sample_id": self.sample_id, "value": self.value, "stderr": self.stderr, "z": self.z}
        return pa.table(columns).replace_schema_metadata(dict(self.metadata))


@runtime_checkable
class Valuer(Protocol):
    """Values every training sample. The constructor only stores settings.

    needs: the capability that a model must have for it (see models.capabilities); Scorer where any model will do.
    """

    name: str
    needs: Capability

    def value(
        self,
        train: Samples,
        validation: Samples,
        *,
        model: Any,
        utility: str,
        folds: int,
        rng: np.random.Generator,
    ) -> Importance:
        """Values (n,) of train, in its order.

        model is fitted on train. utility names the measure that values are differences of. folds of
        validation users give standard errors; a valuer that does not look at validation has none.
        """
        ...


def user_folds(samples: Samples, folds: int, seed: int) -> NDArray[np.int64]:
    """(n,) fold of each row: all rows of a user share one, by a stable hash of the user's id.

    SplitError when a fold stays empty: then there are too few users for so many folds.
    """
    fold = (uniform(mix(seed, hash_ids(samples.keys.column("user_id")))) * folds).astype(np.int64)
    empty = np.flatnonzero(np.bincount(fold, minlength=folds) == 0)
    if len(empty):
        users = len(np.unique(samples.user))
        raise SplitError(
            f"{users} validation users do not fill {folds} folds; lower [value] folds or take a longer validation split"
        )
    return fold


def only_loss(utility: str, samples: Samples, valuer: str) -> None:
    """InputError for a utility other than the loss of the samples' labels: a valuer has values in no other."""
    loss = samples.label_type.loss
    if utility != loss:
        raise InputError(f"{valuer} values the {loss}, not {utility!r}; use utility {loss} or another valuer")
