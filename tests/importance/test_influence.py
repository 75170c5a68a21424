"""Influence against exact leave-one-out and leave-group-out retraining, by an optimiser that is not ours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize

from assay.importance import group_influence, influence, influence_state, refine
from assay.importance.utilities import parse
from assay.numerics.glm import IterativeCurvature, fit
from assay.numerics.products import as_rows


def problem(n, p, m=60, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=p)
    X, X_val = rng.normal(size=(n, p)), rng.normal(size=(m, p))
    y, y_val = ((A @ truth + rng.logistic(size=len(A)) > 0).astype(np.int8) for A in (X, X_val))
    flipped = rng.random(n) < noise
    return X, np.where(flipped, 1 - y, y).astype(np.int8), X_val, y_val


def retrained(X, y, l2, weight):
    """The minimum by scipy: nothing of ours."""
    sign = 2.0 * y - 1

    def loss(b):
        margin = sign * (X @ b)
        slope = -sign / (1 + np.exp(np.clip(margin, -500, 500)))
        return weight @ np.logaddexp(0, -margin) + l2 / 2 * b @ b, X.T @ (weight * slope) + l2 * b

    start = np.zeros(X.shape[1])
    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 1e-15, "maxiter": 5000}).x


def mean_loss(X, y, b):
    return np.mean(np.logaddexp(0, -(2.0 * y - 1) * (X @ b)))


def pair_loss(X, y, b):
    gap = (X @ b)[y > 0][:, None] - (X @ b)[y == 0][None, :]
    return np.logaddexp(0, -gap).mean()


def ndcg_loss(X, y, b, request, k, at):
    """Pairwise loss in requests, pairs weighted by |delta NDCG@k| at the scores X @ at."""
    total = []
    for r in np.unique(request):
        s, frozen, label = (X @ b)[request == r], (X @ at)[request == r], y[request == r]
        if len(set(label)) < 2:
            continue
        rank = np.empty(len(s), int)
        rank[np.argsort(-frozen)] = np.arange(len(s))
        discount = np.where(rank < k, 1 / np.log2(rank + 2), 0)
        ideal = sum(1 / np.log2(np.arange(min(k, label.sum())) + 2))
        total.append(
            sum(
                abs(discount[i] - discount[j]) / ideal * np.logaddexp(0, -(s[i] - s[j]))
                for i in np.flatnonzero(label)
                for j in np.flatnonzero(label == 0)
            )
        )
    return np.mean(total)


def leave_one_out(X, y, l2, weight, loss):
    base = loss(retrained(X, y, l2, weight))
    out = np.empty(len(y))
    for i in range(len(y)):
        without = weight.copy()
        without[i] = 0
        out[i] = loss(retrained(X, y, l2, without)) - base
    return out


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("n", "p", "l2"), [(300, 5, 1.0), (240, 20, 5.0)])
def test_values_are_those_of_leave_one_out_retraining(n, p, l2, seed):
    X, y, X_val, y_val = problem(n, p, seed=seed)
    exact = leave_one_out(X, y, l2, np.ones(n), lambda b: mean_loss(X_val, y_val, b))
    found = influence(X, y, X_val, y_val, l2=l2)
    assert np.corrcoef(found, exact)[0, 1] >= 0.98
    assert 0.95 < found @ exact / (found @ found) < 1.05
    plain = influence(X, y, X_val, y_val, l2=l2, leverage="none")
    assert np.abs(found - exact).mean() < np.abs(plain - exact).mean()
    top = np.argsort(-np.abs(found), kind="stable")[:30]
    refined = refine(X, y, X_val, y_val, top, l2=l2)
    assert np.corrcoef(refined, exact[top])[0, 1] >= 0.999


def test_more_columns_than_rows():
    X, y, X_val, y_val = problem(60, 90)
    exact = leave_one_out(X, y, 10.0, np.ones(60), lambda b: mean_loss(X_val, y_val, b))
    assert np.corrcoef(influence(X, y, X_val, y_val, l2=10.0), exact)[0, 1] > 0.94
    assert np.corrcoef(refine(X, y, X_val, y_val, np.arange(60), l2=10.0), exact)[0, 1] > 0.999


def softmax_loss(X, y, b, request):
    """By the definition, request by request."""
    total = []
    for r in np.unique(request):
        s, label = X[request == r] @ b, y[request == r]
        if 0 < label.sum() < len(label):
            total.append(np.mean([np.log(np.exp(s).sum()) - s[i] for i in np.flatnonzero(label)]))
    return np.mean(total)


@pytest.mark.parametrize("utility", ["auc", "softmax", "ndcg@3", "ndcg@10"])
def test_ranking_values_are_those_of_the_surrogate_after_retraining(utility):
    X, y, X_val, y_val = problem(200, 4, m=80, seed=3)
    request = np.random.default_rng(0).permutation(np.arange(80) // 8)
    coef = fit(as_rows(X), y, l2=1.0).coef

    def loss(b):
        if utility == "auc":
            return pair_loss(X_val, y_val, b)
        if utility == "softmax":
            return softmax_loss(X_val, y_val, b, request)
        return ndcg_loss(X_val, y_val, b, request, int(utility[5:]), coef)

    exact = leave_one_out(X, y, 1.0, np.ones(200), loss)
    keywords = {} if utility == "auc" else {"request_val": request}
    found = influence(X, y, X_val, y_val, l2=1.0, utility=utility, **keywords)
    assert np.corrcoef(found, exact)[0, 1] >= 0.98
    bent = 0.12 if utility == "softmax" else 0.05  # values are first order in the loss, and this one curves most
    assert 1 - bent < found @ exact / (found @ found) < 1 + bent


@settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12), st.booleans())
def test_a_row_of_a_weight_stands_for_as_many_rows_of_its_score(seed, k, ties):
    rng = np.random.default_rng(seed)
    score, y = rng.normal(size=30), (rng.random(30) < 0.3).astype(np.int8)
    score = np.round(score) if ties else score
    request = np.arange(30) // 10
    y[::10], y[1::10] = 1, 0
    weight = np.where(y > 0, 1, rng.integers(1, 5, 30))
    again = np.repeat(np.arange(30), weight)
    utility = parse(f"ndcg@{k}")
    many = utility.slopes(score[again], y[again], np.ones(len(again)), request[again])
    few = utility.slopes(score, y, weight.astype(float), request)
    np.testing.assert_allclose(few, np.bincount(again, many), atol=1e-12)
    whole = utility.measure(score[again], y[again], np.ones(len(again)), request[again])
    np.testing.assert_allclose(utility.measure(score, y, weight.astype(float), request), whole, atol=1e-12)


def test_the_softmax_measure_is_minus_its_loss():
    X, y, _, _ = problem(80, 3, m=60, seed=5)
    b, request = np.array([1.0, -2.0, 0.5]), np.arange(80) // 10
    found = parse("softmax").measure(X @ b, y, np.ones(80), request)
    np.testing.assert_allclose(found, -softmax_loss(X, y, b, request), rtol=1e-12)
    far = parse("softmax").measure(1e4 * (X @ b), y, np.ones(80), request)
    assert np.isfinite(far)
    assert far < found


@pytest.mark.parametrize("utility", ["auc", "ndcg@5"])
def test_refined_ranking_values_are_falls_of_the_measure(utility):
    from sklearn.metrics import ndcg_score, roc_auc_score

    X, y, X_val, y_val = problem(80, 3, m=60, seed=5)
    request = np.arange(60) // 10

    def measure(b):
        if utility == "auc":
            return roc_auc_score(y_val, X_val @ b)
        rows = [request == r for r in range(6)]
        return np.mean([ndcg_score([y_val[r]], [X_val[r] @ b], k=5) for r in rows if 0 < y_val[r].sum() < 10])

    keywords = {} if utility == "auc" else {"request_val": request}
    found = refine(X, y, X_val, y_val, np.arange(80), l2=1.0, utility=utility, **keywords)
    exact = -leave_one_out(X, y, 1.0, np.ones(80), measure)
    assert np.abs(found).max() > 0
    assert np.mean(np.abs(found - exact) < 1e-9) > 0.9  # steps: a few samples stand at an edge


def test_auc_slopes_of_many_scores_are_close_to_those_of_all_pairs():
    rng = np.random.default_rng(1)
    score, y, weight = rng.normal(size=20_000), rng.integers(2, size=20_000), rng.uniform(0.5, 2, 20_000)
    found = parse("auc").slopes(score, y, weight, None)
    at = rng.choice(20_000, 50, replace=False)
    gap = score[at][:, None] - score[None, :]
    own = np.where(y[at][:, None] > 0, -1.0 * (y == 0) / (1 + np.exp(gap)), (y > 0) / (1 + np.exp(-gap)))
    total = weight[y > 0].sum() * weight[y == 0].sum()
    np.testing.assert_allclose(found[at], weight[at] * (own @ weight) / total, rtol=2e-3)


def test_weights_count_as_copies():
    X, y, X_val, y_val = problem(80, 4)
    weight = np.random.default_rng(1).integers(0, 3, 80).astype(float)
    exact = leave_one_out(X, y, 1.0, weight, lambda b: mean_loss(X_val, y_val, b))
    found = influence(X, y, X_val, y_val, l2=1.0, sample_weight=weight)
    assert np.all(found[weight == 0] == 0)
    assert np.corrcoef(found, exact)[0, 1] > 0.99
    copies = np.repeat(np.arange(80), weight.astype(int))
    single = influence(X[copies], y[copies], X_val, y_val, l2=1.0, leverage="none")
    plain = influence(X, y, X_val, y_val, l2=1.0, sample_weight=weight, leverage="none")
    np.testing.assert_allclose(np.bincount(copies, single, minlength=80), plain, atol=1e-9)


@pytest.mark.parametrize("size", [1, 8, 25])
def test_group_values_are_those_of_leave_group_out_retraining(size, monkeypatch):
    X, y, X_val, y_val = problem(200, 6)
    own = np.zeros((200, 1))
    own[:size] = 1  # a column that only the group has, as a user's
    X, X_val = np.hstack([X, own]), np.hstack([X_val, np.ones((60, 1))])
    without = np.ones(200)
    without[:size] = 0
    base = mean_loss(X_val, y_val, retrained(X, y, 1.0, np.ones(200)))
    exact = mean_loss(X_val, y_val, retrained(X, y, 1.0, without)) - base
    group = np.where(np.arange(200) < size, "mine", "rest")
    group[-50:] = "others"
    found = group_influence(X, y, X_val, y_val, group, l2=1.0)
    assert found.shape == (3,)
    alone = influence(X, y, X_val, y_val, l2=1.0)
    if size == 1:
        np.testing.assert_allclose(found[0], alone[0], rtol=1e-6)
    else:
        assert abs(found[0] - exact) < abs(alone[:size].sum() - exact)
    assert abs(found[0] - exact) < 0.7 * abs(exact) + 1e-4
    monkeypatch.setattr(influence_state, "_DIRECT", 0)  # large groups go another way to the same values
    np.testing.assert_allclose(group_influence(X, y, X_val, y_val, group, l2=1.0), found, rtol=1e-5, atol=1e-9)


def test_a_wide_problem_is_solved_without_its_hessian(monkeypatch):
    X, y, X_val, y_val = problem(150, 8, seed=2)
    exact = influence(X, y, X_val, y_val, l2=1.0)
    plain = influence(X, y, X_val, y_val, l2=1.0, leverage="none")
    grouped = group_influence(X, y, X_val, y_val, np.arange(150) % 30, l2=1.0)
    monkeypatch.setattr(influence_state, "DENSE_COLUMNS", 4)
    np.testing.assert_allclose(influence(X, y, X_val, y_val, l2=1.0, leverage="none"), plain, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(group_influence(X, y, X_val, y_val, np.arange(150) % 30, l2=1.0), grouped, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(influence(X, y, X_val, y_val, l2=1.0, leverage="sketch"), exact, rtol=1e-5, atol=1e-10)
    with pytest.raises(ValueError, match="leverage is 'exact'"):
        influence(X, y, X_val, y_val, l2=1.0)
    b = np.random.default_rng(0).normal(size=(8, 2))
    H = X.T @ X + np.eye(8)
    np.testing.assert_allclose(IterativeCurvature(as_rows(X), np.ones(150), 1.0).solve(b), np.linalg.solve(H, b), rtol=1e-8)


def test_a_sketch_is_near_the_exact_leverage(monkeypatch):
    X, y, X_val, y_val = problem(2000, 30, seed=1)
    monkeypatch.setattr(influence_state, "_REFINED", 50)
    exact, sketch, plain = (influence(X, y, X_val, y_val, l2=1.0, leverage=kind) for kind in ("exact", "sketch", "none"))
    assert np.abs(sketch - exact).mean() < 0.3 * np.abs(plain - exact).mean()


def test_folds_average_to_the_whole_when_they_are_equally_large():
    X, y, X_val, y_val = problem(100, 5)
    folds = np.arange(60) % 3
    found = influence(X, y, X_val, y_val, l2=1.0, folds=folds)
    assert found.shape == (100,)
    assert found.per_fold.shape == (3, 100)
    np.testing.assert_allclose(found, influence(X, y, X_val, y_val, l2=1.0), atol=1e-12)
    assert np.isfinite(found.z).all()
    np.testing.assert_allclose(found.stderr, found.per_fold.std(axis=0, ddof=1) / np.sqrt(3))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(8, 60),
    st.integers(1, 8),
    st.floats(0.1, 100),
    st.sampled_from(["log_loss", "auc", "ndcg@4"]),
)
def test_values_do_not_depend_on_row_order_or_thread_count(seed, n, p, l2, utility):
    X, y, X_val, y_val = problem(n, p, seed=seed)
    y[:2] = [0, 1]
    y_val[:2] = [0, 1]
    order = np.random.default_rng(seed).permutation(n)
    keywords = {"request_val": np.arange(60) // 6} if utility == "ndcg@4" else {}
    found = influence(X, y, X_val, y_val, l2=l2, utility=utility, **keywords)
    shuffled = influence(X[order], y[order], X_val, y_val, l2=l2, utility=utility, **keywords)
    np.testing.assert_allclose(shuffled, found[order], rtol=1e-6, atol=1e-10)
    assert np.isfinite(found).all()
    rows = influence(sparse.csr_array(X), y, sparse.csr_array(X_val), y_val, l2=l2, utility=utility, **keywords)
    np.testing.assert_allclose(rows, found, rtol=1e-9, atol=1e-14)


def test_equal_rows_have_equal_values():
    X, y, X_val, y_val = problem(40, 3)
    found = influence(np.vstack([X, X[:5]]), np.append(y, y[:5]), X_val, y_val, l2=1.0)
    np.testing.assert_array_equal(found[40:], found[:5])


def test_a_column_without_variance_and_a_single_sample_of_a_class():
    X, y, X_val, y_val = problem(30, 2)
    constant = np.hstack([X, np.ones((30, 1)), np.zeros((30, 1))])
    found = influence(constant, y, np.hstack([X_val, np.ones((60, 1)), np.zeros((60, 1))]), y_val, l2=1.0)
    assert np.isfinite(found).all()
    rare = np.zeros(30, int)
    rare[3] = 1
    assert np.isfinite(influence(X, rare, X_val, y_val, l2=1.0)).all()


@pytest.mark.parametrize(
    ("change", "keywords", "message"),
    [
        ({1: np.zeros(100)}, {}, "both labels"),
        ({1: np.full(100, 2)}, {}, "y holds the label 2"),
        ({3: np.full(60, -1)}, {}, "y_val holds the label -1"),
        ({}, {"l2": 0}, "l2 is 0"),
        ({}, {"l2": -1.0}, "l2 is -1"),
        ({}, {"l2": np.nan}, "l2 is nan"),
        ({}, {"coef": np.zeros(4)}, "coef has shape"),
        ({}, {"coef": np.full(5, 3.0)}, "coef is not converged"),
        ({}, {"coef": np.full(5, np.nan)}, "coef is not converged"),
        ({}, {"sample_weight": np.full(100, -1.0)}, "sample_weight holds -1"),
        ({}, {"sample_weight": np.ones(3)}, "sample_weight has shape"),
        ({}, {"utility": "mrr"}, "utility is 'mrr'"),
        ({}, {"utility": "ndcg@0"}, "utility is 'ndcg@0'"),
        ({}, {"utility": "ndcg@3"}, "request_val is missing"),
        ({}, {"utility": "softmax"}, "request_val is missing: softmax ranks inside requests"),
        ({}, {"utility": "log_loss", "request_val": np.zeros(60)}, "request_val is only for ndcg@k and softmax"),
        ({}, {"request_val": np.zeros(60)}, "request_val is only for"),
        ({}, {"utility": "ndcg@3", "request_val": np.arange(60)}, "no request of fold 0 has both labels"),
        ({}, {"utility": "ndcg@3", "request_val": np.zeros(60), "folds": np.arange(60) % 2}, "is in two folds"),
        ({3: np.ones(60)}, {"utility": "auc"}, "one label only"),
        ({}, {"leverage": "some"}, "leverage is 'some'"),
        ({2: np.empty((0, 5)), 3: []}, {}, "X_val has no rows"),
        ({0: np.empty((0, 5)), 1: []}, {}, "X has no rows"),
        ({}, {"folds": np.full(60, 1)}, "folds holds"),
    ],
)
def test_bad_input_is_named(change, keywords, message):
    data = [change.get(k, value) for k, value in enumerate(problem(100, 5))]
    with pytest.raises(ValueError, match=message):
        influence(*data, **{"l2": 1.0, **keywords})


def test_leakage_and_a_singular_hessian_are_refused():
    X, y, X_val, y_val = problem(100, 5)
    with pytest.raises(ValueError, match="training rows"):
        influence(X, y, X, y, l2=1.0)
    with pytest.raises(ValueError, match="X_val: 3 of its rows are training rows"):
        influence(X, y, np.vstack([X_val, X[:3]]), np.append(y_val, y[:3]), l2=1.0)
    with pytest.raises(ValueError, match="not positive definite"):
        influence(np.hstack([X, X]), y, np.hstack([X_val, X_val]), y_val, l2=1e-300)
    with pytest.raises(ValueError, match="rows is"):
        refine(X, y, X_val, y_val, [100], l2=1.0)


def test_the_curvature_of_a_group_stands_where_a_newton_step_puts_it():
    ours, transposed = [], []
    for seed in range(4):
        X, y, X_val, y_val = problem(300, 8, seed=seed)
        b = retrained(X, y, 1.0, np.ones(300))
        p = 1 / (1 + np.exp(-X @ b))
        D = p * (1 - p)
        H = X.T @ (X * D[:, None]) + np.eye(8)
        g = X_val.T @ (1 / (1 + np.exp(-X_val @ b)) - y_val) / 60
        v = np.linalg.solve(H, g)
        for k in range(8):
            rows = np.random.default_rng(k).choice(300, 40, replace=False)
            weight = np.ones(300)
            weight[rows] = 0
            exact = g @ (retrained(X, y, 1.0, weight) - b)
            group = np.full(300, 1)
            group[rows] = 0
            found = group_influence(X, y, X_val, y_val, group, l2=1.0)[0]
            inside = X[rows] @ np.linalg.solve(H, X[rows].T)
            other = v @ X[rows].T @ np.linalg.solve(np.eye(40) - inside * D[rows], p[rows] - y[rows])
            ours.append(abs(found - exact))
            transposed.append(abs(other - exact))
    assert np.mean(ours) < 0.7 * np.mean(transposed)
