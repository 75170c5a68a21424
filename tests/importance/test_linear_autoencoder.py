"""EASE's values against refitting by plain numpy."""

import numpy as np
import pytest
from scipy import sparse

from assay.importance import ease_importance
from assay.numerics import gram


def log(seed=0, users=150, items=40, people=30):
    """Users of three tastes: training rows, and validation users with a history and later targets."""
    rng = np.random.default_rng(seed)
    taste = rng.gamma(0.3, size=(3, items))

    def draw(count):
        like = taste[rng.integers(3, size=count)] + 0.02
        return (rng.random((count, items)) < 1 - np.exp(-6 * like / like.sum(axis=1, keepdims=True))).astype(float)

    X, both = draw(users), draw(people)
    H = both * (rng.random(both.shape) < 0.6)
    T = both - H
    some = (T.sum(axis=1) > 0) & (H.sum(axis=1) > 0)
    return X, H[some], T[some]


def ease(X, l2):
    P = np.linalg.inv(X.T @ X + l2 * np.eye(X.shape[1]))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    return B


def ranks(s, keep):
    """Discounts by rank among the kept, no ties expected."""
    out = np.full(len(s), np.inf)
    order = np.flatnonzero(keep)[np.argsort(-s[keep])]
    out[order] = np.arange(len(order))
    return out


def ndcg(S, H, T, k, repeats=False):
    total = []
    for s, h, t in zip(S, H, T, strict=True):
        rank = ranks(s, np.ones(len(s), bool) if repeats else h == 0)[t > 0]
        ideal = sum(1 / np.log2(np.arange(min(k, int(t.sum()))) + 2))
        total.append(sum(1 / np.log2(r + 2) for r in rank if r < k) / ideal)
    return np.array(total)


class Surrogate:
    """The pairwise loss with ranks and temperature frozen at the first fit."""

    def __init__(self, S, H, T, k):
        self.pairs, gaps = [], []
        for v, (s, h, t) in enumerate(zip(S, H, T, strict=True)):
            rank = ranks(s, h == 0)
            discount = np.where(rank < k, 1 / np.log2(rank + 2), 0)
            ideal = sum(1 / np.log2(np.arange(min(k, int(t.sum()))) + 2))
            for i in np.flatnonzero(t):
                for j in np.flatnonzero((h == 0) & (t == 0)):
                    if discount[i] != discount[j]:
                        self.pairs.append((v, i, j, abs(discount[i] - discount[j]) / ideal))
                        gaps.append((s[i] - s[j]) ** 2)
        self.temperature, self.count = np.sqrt(np.mean(gaps)), len(S)

    def __call__(self, S):
        return sum(w * np.logaddexp(0, -(S[v, i] - S[v, j]) / self.temperature) for v, i, j, w in self.pairs) / self.count


def csr(*parts):
    return [sparse.csr_array(part) for part in parts]


@pytest.mark.parametrize("seed", range(3))
def test_interactions_against_refitting(seed):
    X, H, T = log(seed)
    k, l2 = 5, 20.0
    loss = Surrogate(H @ ease(X, l2), H, T, k)
    base = loss(H @ ease(X, l2))
    rows, columns = np.nonzero(X)
    some = np.random.default_rng(0).choice(len(rows), 150, replace=False)
    exact = []
    for e in some:
        changed = X.copy()
        changed[rows[e], columns[e]] = 0
        exact.append(loss(H @ ease(changed, l2)) - base)
    x, h, t = csr(X, H, T)
    found = ease_importance(x, (h, t), l2=l2, utility=f"ndcg@{k}")
    assert found.shape == (len(rows),)
    assert np.corrcoef(found[some], exact)[0, 1] >= 0.995
    assert 0.95 < found[some] @ exact / (found[some] @ found[some]) < 1.05


def test_values_do_not_depend_on_how_the_inverse_is_held(monkeypatch):
    x, h, t = csr(*log(3, users=35))
    found = {}
    for held in (gram.ByUsers, gram.ByItems):
        monkeypatch.setattr("assay.importance.linear_autoencoder.inverse_gram", held)
        found[held] = ease_importance(x, (h, t), l2=20.0, utility="ndcg@5", folds=np.arange(h.shape[0]) % 3).per_fold
    scale = np.abs(found[gram.ByItems]).max()
    np.testing.assert_allclose(found[gram.ByUsers], found[gram.ByItems], rtol=1e-9, atol=1e-12 * scale)


@pytest.mark.parametrize("seed", range(6))
def test_an_item_that_nobody_else_has_scores_nothing_without_its_user(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    X = np.hstack((rng.random((10, 14)) < 0.3, np.eye(10, 6))).astype(float)
    H, T = (rng.random((2, 30, 20)) < 0.2).astype(float)
    T[:, 3] = 1
    H *= 1 - T
    x, h, t = csr(X, H, T)
    found = []
    for held in (gram.ByUsers, gram.ByItems):
        monkeypatch.setattr("assay.importance.linear_autoencoder.inverse_gram", held)
        found.append(ease_importance(x, (h, t), l2=5.0, utility="ndcg@4", removal="user"))
    np.testing.assert_allclose(*found, atol=1e-12)


def test_weighted_interactions_against_refitting():
    X, H, T = log(3)
    X = X * np.random.default_rng(1).integers(1, 4, X.shape)
    loss = Surrogate(H @ ease(X, 30.0), H, T, 5)
    base = loss(H @ ease(X, 30.0))
    rows, columns = np.nonzero(X)
    some = np.random.default_rng(0).choice(len(rows), 100, replace=False)
    exact = []
    for e in some:
        changed = X.copy()
        changed[rows[e], columns[e]] = 0
        exact.append(loss(H @ ease(changed, 30.0)) - base)
    x, h, t = csr(X, H, T)
    found = ease_importance(x, (h, t), l2=30.0, utility="ndcg@5")
    assert np.corrcoef(found[some], exact)[0, 1] >= 0.99


@pytest.mark.parametrize("repeats", [False, True])
def test_users_are_exact(repeats):
    X, H, T = log(1, users=40)
    X[7] = 0
    base = ndcg(H @ ease(X, 10.0), H, T, 5, repeats).mean()
    exact = [base - ndcg(H @ ease(np.delete(X, u, axis=0), 10.0), H, T, 5, repeats).mean() for u in range(40)]
    x, h, t = csr(X, H, T)
    found = ease_importance(x, (h, t), l2=10.0, utility="ndcg@5", removal="user", repeats=repeats)
    np.testing.assert_allclose(found, exact, atol=1e-10)
    assert found[7] == 0
    folds = np.arange(len(H)) % 3
    again = ease_importance(x, (h, t), l2=10.0, utility="ndcg@5", removal="user", repeats=repeats, folds=folds)
    weight = np.bincount(folds) / len(H)
    np.testing.assert_allclose(weight @ again.per_fold, found, atol=1e-12)
    assert np.isfinite(again.z).all()


def test_permuted_users_and_items_have_permuted_values():
    X, H, T = log(2)
    x, h, t = csr(X, H, T)
    found = np.zeros(X.shape)
    found[np.nonzero(X)] = ease_importance(x, (h, t), l2=20.0)
    users, items = (np.random.default_rng(0).permutation(size) for size in X.shape)
    moved = np.zeros(X.shape)
    X, H, T = X[users][:, items], H[:, items], T[:, items]
    x, h, t = csr(X, H, T)
    moved[np.nonzero(X)] = ease_importance(x, (h, t), l2=20.0)
    np.testing.assert_allclose(moved, found[users][:, items], rtol=1e-9, atol=1e-9 * np.abs(found).max())
    np.testing.assert_array_equal(ease_importance(x, (h, t), l2=20.0), moved[np.nonzero(X)])


def test_one_user_and_one_item():
    one = sparse.csr_array([[1.0]])
    nothing = sparse.csr_array((1, 1))
    np.testing.assert_array_equal(ease_importance(one, (nothing, one.copy()), l2=1.0), [0.0])
    np.testing.assert_array_equal(ease_importance(one, (nothing, one.copy()), l2=1.0, removal="user"), [0.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"l2": 0}, "l2 is 0"),
        ({"utility": "auc"}, "utility is 'auc'"),
        ({"utility": "ndcg@0"}, "utility is 'ndcg@0'"),
        ({"removal": "item"}, "removal is 'item'"),
        ({"train": np.eye(3)}, "train is ndarray"),
        ({"train": sparse.csr_array([[1.0, np.nan, 0]])}, "train holds NaN"),
        ({"train": sparse.csr_array([[1.0, -1.0, 0]])}, "train holds NaN, infinite numbers or numbers of 0"),
        ({"train": sparse.csr_array((2, 3))}, "train has shape"),
        ({"train": sparse.csr_array(np.eye(4))}, "have shapes"),
        ({"validation": sparse.csr_array(np.eye(3))}, "validation is csr_array"),
        ({"targets": [[0, 1.0, 0], [0, 0, 0]]}, "targets: row 1 is empty"),
        ({"targets": [[1.0, 0, 0], [0, 0, 1.0]]}, "targets: an item is in its own"),
        ({"folds": [0, 2]}, "folds holds"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"train": sparse.csr_array(np.ones((4, 3))), "l2": 1.0, **change}
    targets = sparse.csr_array(np.array(given.pop("targets", [[0, 1.0, 0], [0, 0, 1.0]])))
    validation = given.pop("validation", (sparse.csr_array([[1.0, 0, 0], [0, 1.0, 0]]), targets))
    with pytest.raises(ValueError, match=message):
        ease_importance(given.pop("train"), validation, **given)


def test_an_entry_twice_or_training_users_as_their_own_targets_are_refused():
    twice = sparse.csr_array((np.ones(2), np.array([1, 1]), np.array([0, 2])), shape=(1, 3))
    good = sparse.csr_array([[1.0, 0, 0]]), sparse.csr_array([[0, 1.0, 0]])
    with pytest.raises(ValueError, match="one is there twice"):
        ease_importance(twice, good, l2=1.0)
    with pytest.raises(ValueError, match="validation is train itself"):
        ease_importance(good[1], good, l2=1.0)
