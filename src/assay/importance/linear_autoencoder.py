"""Values of single interactions, or of whole users, to EASE, the linear autoencoder of items (Steck, WWW 2019).

The model has a closed form, so what removing one interaction does to the inverse Gram matrix is exact (a rank-two
update); what that does to the ranking of validation users is its slope, by the adjoint: two products of I x I matrices (or
smaller ones, where users are fewer than items) serve every interaction. Removing a whole user is exact to the end, the true
measure included.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from assay.errors import SplitError
from assay.importance import checks
from assay.importance.utilities import Ndcg, parse
from assay.importance.valuer import Importance
from assay.importance.values import Values, Vector, from_folds
from assay.models.scorer import Scorer
from assay.numerics import autoencoder as kernels
from assay.numerics.compiled import announce
from assay.numerics.gram import inverse_gram
from assay.numerics.hashing import hash_ids, mix, uniform
from assay.samples.table import Samples

REMOVALS = ("interaction", "user")
_ROWS = 512  # validation users scored at a time


def ease_importance(
    train: Any,
    validation: Any,
    *,
    l2: float,
    utility: str = "ndcg@20",
    removal: str = "interaction",
    repeats: bool = False,
    folds: Any = None,
) -> Values:
    """Values of every interaction, or of every user, to EASE, a linear autoencoder; positive is useful.

    Up to 20,000 items.

    Parameters
    ----------
    train : sparse matrix, shape (U, I)
        CSR, one entry an interaction, all above 0 (1 for a click).
    validation : pair of sparse matrices, shape (V, I) each
        Histories (what a user is known by) and targets (what should be ranked high).
    l2 : float
        Strength of the ridge, above 0.
    utility : str
        "ndcg@k" over all items that are not in the history.
    removal : str
        "interaction": rise of the pairwise logistic loss, pairs weighted by |delta NDCG@k| and scores divided by the root mean
        square gap of those pairs, both as they are now; unit: that loss, a validation user. "user": fall of the mean NDCG@k
        itself, exact; time V * I for each user.
    repeats : bool
        Whether items of the history are ranked too.
    folds : array of int, shape (V,), optional
        Number of each validation user's fold, from 0. The result then knows per_fold, stderr and z.

    Returns
    -------
    Values, shape (nnz,) or (U,)
        float64, in the order of train's entries, or of its rows.

    Raises
    ------
    ValueError
        An argument of another shape or range; the message names it.

    References
    ----------
    Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, for the model. The values are Assay's own derivation,
    tested against refitting.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> import assay
    >>> rng = np.random.default_rng(0)
    >>> train = sparse.csr_array((rng.random((50, 10)) < 0.3).astype(float))
    >>> histories, targets = sparse.csr_array(np.eye(10)), sparse.csr_array(np.roll(np.eye(10), 1, axis=1))
    >>> value = assay.ease_importance(train, (histories, targets), l2=5.0, utility="ndcg@5")
    >>> value.shape == (train.nnz,)
    True
    """
    checks.one_of(removal, REMOVALS, "removal")
    problem = _Problem(train, validation, checks.positive(l2, "l2"), utility, repeats, folds)
    per_fold = problem.interactions() if removal == "interaction" else problem.users()
    return from_folds(per_fold, folds)


class _Problem:
    """Checked matrices, the fitted inverse, and the scores of the validation users in blocks."""

    def __init__(self, train: Any, validation: Any, l2: float, utility: str, repeats: bool, folds: Any) -> None:
        self.X = _interactions(train, "train")
        if not isinstance(validation, tuple) or len(validation) != 2:
            raise ValueError(f"validation is {type(validation).__name__}; give a pair (histories, targets) of matrices")
        self.H, self.T = (_interactions(part, name) for part, name in zip(validation, ("histories", "targets"), strict=True))
        if train is validation[1] or train is validation[0]:
            raise ValueError("validation is train itself: its users' targets must be later interactions")
        shapes = self.X.shape, self.H.shape, self.T.shape
        if len({shape[1] for shape in shapes}) > 1 or self.H.shape[0] != self.T.shape[0]:
            raise ValueError(f"train, histories and targets have shapes {shapes}; items are columns of all three")
        if self.X.shape[1] > kernels.MOST_ITEMS:
            raise ValueError(f"train has {self.X.shape[1]} items, {kernels.MOST_ITEMS} at most; keep the most frequent ones")
        empty = np.flatnonzero(np.diff(self.T.indptr) == 0)
        if len(empty):
            raise ValueError(f"targets: row {empty[0]} is empty ({len(empty)} such rows); drop users without a target")
        if not repeats and self.H.multiply(self.T).nnz:
            raise ValueError("targets: an item is in its own user's history; drop it, or rank known items too: repeats=True")
        wanted = parse(utility)
        if not isinstance(wanted, Ndcg):
            raise ValueError(f"utility is {utility!r}; give ndcg@k")
        self.k, self.repeats = wanted.k, bool(repeats)
        self.fold = checks.fold_numbers(folds, self.H.shape[0])
        self.inverse = inverse_gram(self.X, l2)
        self.users_of = kernels.csr_parts(self.H), kernels.csr_parts(self.T)

    def _blocks(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Vector]]:
        """Validation users and their scores H B, B = -P / diag(P) off the diagonal."""
        for first in range(0, len(rows), _ROWS):
            at = rows[first : first + _ROWS]
            scores = self.inverse.times(self.H[at])
            scores /= -self.inverse.diagonal
            scores += self.H[at].toarray()
            grain = kernels.GRAIN * np.maximum(self.H[at].sum(axis=1), 1e-300)[:, None]
            np.rint(np.divide(scores, grain, out=scores), out=scores)
            scores *= grain
            yield at, scores

    def interactions(self) -> Vector:
        """(F, nnz)."""
        announce(kernels.pair_slopes)
        temperature = self._temperature()
        P = self.inverse
        out = np.empty((int(self.fold.max()) + 1, self.X.nnz))
        for number in range(len(out)):
            slopes = P.adjoint(self._slopes(np.flatnonzero(self.fold == number), temperature))
            out[number] = kernels.interaction_values(self.X, P.entries, P.diagonal, *slopes)
        return out

    def _temperature(self) -> float:
        """Root mean square gap of the pairs: frozen, so that the loss is smooth over what one removal moves."""
        total = np.zeros(2)
        for at, S in self._blocks(np.arange(self.H.shape[0])):
            gaps = np.zeros((len(at), 2))
            kernels.pair_slopes(S, *self.users_of, at, self.repeats, self.k, 0.0, np.zeros((1, 1)), gaps)
            total += gaps.sum(axis=0)
        return float(np.sqrt(total[0] / total[1])) if total[0] > 0 else 1.0

    def _slopes(self, rows: NDArray[np.int64], temperature: float) -> Iterator[tuple[Any, Vector, Vector]]:
        """Histories, slopes by their scores of the mean loss over the validation users `rows`, and the scores."""
        for at, S in self._blocks(rows):
            slopes = np.zeros_like(S)
            kernels.pair_slopes(
                S, *self.users_of, at, self.repeats, self.k, temperature, slopes, np.zeros((len(at), 2))
            )  # fmt: skip
            slopes /= len(rows)
            yield self.H[at], slopes, S

    def users(self) -> Vector:
        """(F, U) fall of the mean NDCG@k without each user."""
        announce(kernels.without_user)
        P, HP = self.inverse, self.inverse.times(self.H)
        H = self.H.indptr, self.H.indices, self.H.data
        size = np.bincount(self.fold).astype(np.float64)
        ndcg, now = np.empty(len(self.fold)), np.empty(len(self.fold))
        nobody = np.zeros(self.X.shape[1])
        kernels.without_user(P.diagonal, HP, H, nobody, 0.0, *self.users_of, self.repeats, self.k, now)
        out = np.zeros((len(size), self.X.shape[0]))
        for u in range(self.X.shape[0]):
            at = slice(self.X.indptr[u], self.X.indptr[u + 1])
            items, x = self.X.indices[at], self.X.data[at]
            if not len(items):
                continue
            p = P.user(u)
            kernels.without_user(P.diagonal, HP, H, p, float(p[items] @ x), *self.users_of, self.repeats, self.k, ndcg)
            out[:, u] = np.bincount(self.fold, now - ndcg, minlength=len(size)) / size
        return out


def _interactions(X: Any, name: str) -> Any:
    """CSR of finite numbers above 0, each entry once and in order of item."""
    if not sparse.issparse(X):
        raise ValueError(f"{name} is {type(X).__name__}; give a scipy sparse matrix of users by items")
    matrix = sparse.csr_array(X, dtype=np.float64)
    if not matrix.has_canonical_format:
        raise ValueError(f"{name}: entries are not in order of item, or one is there twice; call sum_duplicates() first")
    if not matrix.shape[0] or not matrix.shape[1] or (name != "histories" and not matrix.nnz):
        raise ValueError(f"{name} has shape {matrix.shape} and {matrix.nnz} entries; give at least one interaction")
    if not (np.isfinite(matrix.data).all() and (matrix.data > 0).all()):
        raise ValueError(f"{name} holds NaN, infinite numbers or numbers of 0 and less; an interaction is above 0")
    return matrix


class EaseImportance:
    """The valuer: a positive's value is that of its user having its item, shared by the pair's other positives.

    Negatives are worth 0: EASE learns from what was taken. Of the 10,000 most taken items; validation users are known by
    what they took in training, and what they took in validation should rank high, items taken before included.
    """

    name = "ease"
    needs = Scorer
    l2 = 200.0
    _items, _users, _k = 10_000, 3_000, 20

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in pairwise loss a validation user, mean over folds. SplitError: no user is in both splits."""
        del model, utility
        seed = int(rng.integers(2**31))
        taken = np.flatnonzero(train.label > 0)
        # Most taken first, ties by item code: which items count must not depend on row order.
        counts = np.bincount(train.item[taken], minlength=int(max(train.item.max(), validation.item.max())) + 1)
        kept = np.argsort(-counts, kind="stable")[: min(self._items, int((counts > 0).sum()))]
        place = np.full(len(counts), -1)
        place[np.sort(kept)] = np.arange(len(kept))
        taken = taken[place[train.item[taken]] >= 0]
        later = np.flatnonzero((validation.label > 0) & (place[validation.item] >= 0))
        size = int(max(train.user.max(), validation.user.max())) + 1, len(kept)
        X = _clicks(train.user[taken], place[train.item[taken]], size)
        T = _clicks(validation.user[later], place[validation.item[later]], size)
        users = np.flatnonzero((np.diff(X.indptr) > 0) & (np.diff(T.indptr) > 0))
        if not len(users):
            raise SplitError("ease: no user took something in training and again in validation; take longer splits")
        ids = np.empty(size[0], np.uint64)
        ids[validation.user] = hash_ids(validation.keys.column("user_id"))
        users = np.sort(users[np.argsort(mix(seed, ids[users]), kind="stable")[: self._users]])
        fold = (uniform(mix(seed + 1, ids[users])) * folds).astype(np.int64)
        if (np.bincount(fold, minlength=folds) == 0).any():
            raise SplitError(f"ease: {len(users)} validation users do not fill {folds} folds; lower [value] folds")
        values = ease_importance(X, (X[users], T[users]), l2=self.l2, utility=f"ndcg@{self._k}", repeats=True, folds=fold)
        pair = np.searchsorted(_keys(X), train.user[taken].astype(np.int64) * size[1] + place[train.item[taken]])
        share = np.zeros((folds, len(train)))
        assert values.per_fold is not None
        share[:, taken] = values.per_fold[:, pair] / np.bincount(pair, minlength=X.nnz)[pair]
        utility_name = f"minus the pairwise loss of ndcg@{self._k}"
        return Importance.of(train, Values(share.mean(axis=0), share), self.name, utility_name, "ease")


def _clicks(user: NDArray[Any], item: NDArray[Any], shape: tuple[int, int]) -> Any:
    """CSR of ones, one entry per pair."""
    clicks = sparse.csr_array((np.ones(len(user)), (user, item)), shape=shape)
    clicks.sum_duplicates()
    clicks.data[:] = 1.0
    return clicks


def _keys(X: Any) -> NDArray[np.int64]:
    """(nnz,) user * I + item of each entry, rising."""
    return np.asarray(np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)) * X.shape[1] + X.indices)
