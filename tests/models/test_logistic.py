import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Reference

from assay.errors import InputError
from assay.models.logistic import LogisticRegression
from assay.samples.table import Samples
from assay.testing.data import make_samples


def rng():
    return np.random.default_rng(1)


def train():
    return make_samples(4_000).split("train")


def test_it_is_scikit_learns_optimum():
    samples = train()
    weight = np.random.default_rng(2).integers(0, 3, len(samples)).astype(float)
    samples = samples.with_weight(weight)
    found = LogisticRegression(l2=2.0).fit(samples, rng=rng())
    reference = Reference(C=0.5, fit_intercept=False, tol=1e-10, max_iter=2_000, solver="newton-cg")
    reference.fit(samples.matrix().astype(np.float64), samples.label, sample_weight=weight)
    np.testing.assert_allclose(found.coef_, reference.coef_[0], atol=1e-6)
    assert found.converged_
    assert found.names_ == list(samples.encoder.names)


def test_a_warm_start_ends_where_a_cold_one_does_and_keeps_the_curvature():
    samples = train()
    start = LogisticRegression(l2=2.0).fit(samples, rng=rng())
    fewer = samples.with_weight(np.where(np.arange(len(samples)) % 10 == 0, 0.0, 1.0))
    cold = LogisticRegression(l2=2.0).fit(fewer, rng=rng())
    warm = LogisticRegression(l2=2.0).fit(fewer, rng=rng(), start=start)
    np.testing.assert_allclose(warm.coef_, cold.coef_, atol=1e-5)
    assert warm.curvature_ is start.curvature_
    assert not np.allclose(warm.coef_, start.coef_, atol=1e-4)


def test_the_curve_is_the_hessian_at_the_end_and_is_made_once():
    samples = train().with_weight(np.random.default_rng(2).uniform(0, 2, len(train())))
    model = LogisticRegression(l2=2.0).fit(samples, rng=rng())
    curve = model.curve(samples)
    X = samples.matrix().toarray().astype(np.float64)
    p = model.predict(samples)
    hessian = X.T @ (X * (samples.weight * p * (1 - p))[:, None]) + 2.0 * np.eye(X.shape[1])
    g = np.random.default_rng(3).normal(size=X.shape[1])
    np.testing.assert_allclose(curve.solve(g), np.linalg.solve(hessian, g), rtol=1e-8, atol=1e-10)
    assert model.curve(samples) is curve
    assert model.curve(samples.with_weight(np.ones(len(samples)))) is not curve


def test_a_start_on_other_columns_is_refused():
    start = LogisticRegression().fit(train(), rng=rng())
    other = make_samples(4_000, features=["category", "price"]).split("train")
    with pytest.raises(InputError, match="start has"):
        LogisticRegression().fit(other, rng=rng(), start=start)
    with pytest.raises(InputError, match="not fitted"):
        LogisticRegression().fit(other, rng=rng(), start=LogisticRegression())
    with pytest.raises(InputError, match="use the encoder of the fit"):
        start.predict(other)


def test_samples_without_an_encoder_are_refused():
    samples = train()
    with pytest.raises(InputError, match="no encoder"):
        LogisticRegression().fit(Samples(samples.keys, samples.features), rng=rng())
