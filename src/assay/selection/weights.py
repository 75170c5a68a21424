"""From values to weights: which training samples to keep, what share of them, and how to draw fewer of them.

Every function returns weights (n,), never fewer rows: a selection is the same samples with other weights.
"""

from collections.abc import Mapping

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.errors import InputError
from assay.importance.valuer import Importance
from assay.importance.values import Vector
from assay.numerics.hashing import mix, uniform
from assay.runs.store import Folder, write_parquet, write_text
from assay.samples.table import Samples

Positions = NDArray[np.int64]
_KEPT = ("user_code", "item_code")  # groups that floors always protect, and the category where it is known


@numba.njit(cache=True)
def _spare(order, groups, room, limit, removed):  # type: ignore[no-untyped-def]
    # Greedy in order: a row goes if every group that it belongs to still has room.
    taken = 0
    for i in order:
        if taken == limit:
            break
        free = True
        for g in range(groups.shape[0]):
            if room[g, groups[g, i]] <= 0:
                free = False
                break
        if free:
            for g in range(groups.shape[0]):
                room[g, groups[g, i]] -= 1
            removed[i] = True
            taken += 1
    return taken


def floor_groups(samples: Samples) -> NDArray[np.int64]:
    """(G, n) codes of the groups that floors protect: each user, each item and, where known, each category.

    Users or items that occur once each (a table without such a column) are no groups, and nothing protects them.
    """
    codes = (samples.keys.column(name).to_numpy().astype(np.int64) for name in _KEPT)
    groups = [code for code in codes if np.bincount(code).max(initial=0) > 1]
    if "category" in samples.features.column_names:
        column = samples.features.column("category").combine_chunks()
        column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        codes = column.indices.fill_null(len(column.dictionary))
        groups.append(codes.to_numpy(zero_copy_only=False).astype(np.int64))
    return np.stack(groups) if groups else np.empty((0, len(samples)), np.int64)


def remove(order: Positions, limit: int, groups: NDArray[np.int64], floor: float) -> NDArray[np.bool_]:
    """(n,) which rows to take out: the first `limit` of order whose groups each keep their floor.

    order: positions of the rows that may go, worst first. groups (G, n): codes from 0. floor: the share of a
    group's rows, rounded up and at least one, that always stays; so fewer than `limit` rows may go.
    """
    n = groups.shape[1]
    room = np.zeros((len(groups), int(groups.max(initial=0)) + 1), np.int64)
    for g, codes in enumerate(groups):
        counts = np.bincount(codes, minlength=room.shape[1])
        room[g] = counts - np.maximum(np.ceil(floor * counts), 1)
    removed = np.zeros(n, np.bool_)
    _spare(np.asarray(order, np.int64), groups, room, limit, removed)
    return removed


def drop_count(weight: Vector, importance: Importance, count: int, groups: NDArray[np.int64], floor: float) -> Vector:
    """Weights without the `count` least useful rows (by z where there are folds, else by value)."""
    if not 0 <= count <= len(weight):
        raise InputError(f"cannot remove {count} of {len(weight)} samples; give a count between 0 and that")
    return np.where(remove(importance.order(), count, groups, floor), 0.0, weight)


def drop_fraction(weight: Vector, importance: Importance, fraction: float, groups: NDArray[np.int64], floor: float) -> Vector:
    """Weights without a share of the rows, the least useful ones.

    Parameters
    ----------
    weight : array of float64, shape (n,)
        Weights before.
    importance : Importance
        Values of the n rows; by z where they have folds, else by value.
    fraction : float
        Share of the rows, from 0 up to, not including, 1.
    groups : array of int64, shape (G, n)
        Codes from 0 of what floors protect: users, items, categories. No groups: shape (0, n).
    floor : float
        Share of each group's rows, rounded up and at least one, that always stays.

    Returns
    -------
    array of float64, shape (n,)
        The weights, 0 for a row that is left out. Fewer rows may go than were to, because of the floors.

    Raises
    ------
    InputError
        A fraction out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> values = assay.Importance(np.arange(4), np.array([0.3, -0.2, 0.1, 0.2]))
    >>> assay.drop_fraction(np.ones(4), values, 0.25, groups=np.zeros((0, 4), np.int64), floor=0.5).tolist()
    [1.0, 0.0, 1.0, 1.0]
    """
    if not 0 <= fraction < 1:
        raise InputError(f"cannot remove the fraction {fraction}; give one from 0 up to, not including, 1")
    return drop_count(weight, importance, round(fraction * len(weight)), groups, floor)


def drop_below(weight: Vector, importance: Importance, threshold: float, groups: NDArray[np.int64], floor: float) -> Vector:
    """Weights without the rows whose value is below a threshold, in the values' own unit."""
    order = importance.order()
    low = order[importance.value[order] < threshold]
    return np.where(remove(low, len(low), groups, floor), 0.0, weight)


def drop_harmful(weight: Vector, importance: Importance, z: float, groups: NDArray[np.int64], floor: float) -> Vector:
    """Weights without the rows that harm beyond chance: those of a z-score below -z.

    Parameters
    ----------
    weight : array of float64, shape (n,)
        Weights before.
    importance : Importance
        Values of the n rows, with folds.
    z : float
        0 or more.
    groups : array of int64, shape (G, n)
        Codes from 0 of what floors protect: users, items, categories. No groups: shape (0, n).
    floor : float
        Share of each group's rows, rounded up and at least one, that always stays.

    Returns
    -------
    array of float64, shape (n,)
        The weights, 0 for a row that is left out.

    Raises
    ------
    InputError
        The values have no folds, so that nobody knows what is beyond chance.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> per_fold = np.array([[0.3, -0.2, 0.1, 0.2], [0.1, -0.3, -0.1, 0.1]])
    >>> values = assay.Importance(np.arange(4), per_fold.mean(axis=0), per_fold)
    >>> assay.drop_harmful(np.ones(4), values, 1.0, groups=np.zeros((0, 4), np.int64), floor=0.5).tolist()
    [1.0, 0.0, 1.0, 1.0]
    """
    if importance.per_fold is None:
        raise InputError(
            f"{importance.metadata.get('method', 'these values')} have no standard errors: which rows harm beyond"
            " chance is unknown; use a valuer with folds (influence), or a fraction"
        )
    order = importance.order()
    low = order[importance.z[order] < -z]
    return np.where(remove(low, len(low), groups, floor), 0.0, weight)


def damp(weight: Vector, importance: Importance, fraction: float, factor: float) -> Vector:
    """Weights in which the least useful share of the rows counts `factor` as much: first-order values add up
    over small steps only, and overshoot for removals."""
    out = np.array(weight, np.float64)
    out[importance.order()[: round(fraction * len(weight))]] *= factor
    return out


def recency_weights(weight: Vector, period: NDArray[np.int32], half_life: float) -> Vector:
    """Weights that halve every `half_life` periods before the last, scaled to the same sum."""
    decayed = weight * 0.5 ** ((int(period.max()) - period.astype(np.float64)) / half_life)
    return np.asarray(decayed * (weight.sum() / decayed.sum()))


def draw(weight: Vector, sample_id: NDArray[np.int64], pi: Vector, seed: int) -> Vector:
    """A Poisson draw: a row stays with probability pi, its weight divided by pi; by stable hash of its id."""
    stays = uniform(mix(seed, sample_id.view(np.uint64))) < pi
    return np.divide(weight, pi, out=np.zeros(len(weight)), where=stays)


def hashed_order(sample_id: NDArray[np.int64], seed: int) -> Positions:
    """Positions in a reproducible random order."""
    return np.lexsort((sample_id, mix(seed, sample_id.view(np.uint64))))


def orders(samples: Samples, loss: Importance, popularity: NDArray[np.int64], seed: int) -> Mapping[str, Positions]:
    """The orders that a selection must beat, each worst first: random, oldest, rarest item, hardest.

    popularity (items,) counts of training positives by item code. Ties in order of a hash.
    """
    random = hashed_order(samples.keys.column("sample_id").to_numpy(), seed)
    by_time = random[np.argsort(samples.period[random], kind="stable")]
    by_sales = random[np.argsort(popularity[samples.item[random]], kind="stable")]
    return {"random": random, "recency": by_time, "popularity": by_sales, "loss": loss.order()}


def labels_differ(samples: Samples, weight: Vector) -> bool:
    """Whether a model can be trained under the weights (n,)."""
    return samples.label_type.serves(samples.response[weight > 0])


def removed_share(before: Vector, after: Vector) -> float:
    """Share of the rows with a weight that have none any more."""
    return 1.0 - int(np.count_nonzero(after)) / max(int(np.count_nonzero(before)), 1)


def write_weights(
    run: Folder, samples: Samples, weight: Vector, folder: str = "selection", *, response: Vector | None = None
) -> list[str]:
    """Write weights.parquet (sample_id, the user's own key if given, weight) and weight files; return their names.

    response (n,): labels of 0 and 1 that are to be learnt in place of the samples' own; they are the column `label`.
    weights.txt has one weight per line in the order of weights.parquet, as LightGBM (`train.txt.weight`) and XGBoost
    (`train.txt.weight`) read them beside a training file.
    """
    keys = [name for name in ("sample_id", "key") if name in samples.keys.column_names]
    table = samples.keys.select(keys).append_column("weight", pa.array(weight, pa.float64()))
    if response is not None:
        table = table.append_column("label", pa.array(response.astype(np.int8)))
    write_parquet(run.path(f"{folder}/weights.parquet"), table)
    lines = "\n".join(map(repr, weight.tolist())) + "\n"
    names = [f"{folder}/lightgbm.weight", f"{folder}/xgboost.weight"]
    for name in names:
        write_text(run.path(name), lines)
    return [f"{folder}/weights.parquet", *names]
