"""Influence on the head against retraining the head without single samples."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sklearn.linear_model import LogisticRegression as Peer  # noqa: E402

from assay.errors import InputError  # noqa: E402
from assay.importance.last_layer import L2, LastLayerInfluence  # noqa: E402
from assay.importance.valuer import user_folds  # noqa: E402
from assay.models.logistic import LogisticRegression  # noqa: E402
from assay.testing.valuers import ValuerTests  # noqa: E402
from tests.importance.test_gradients import fitted  # noqa: E402


class TestLastLayerInfluence(ValuerTests):
    def make(self):
        return LastLayerInfluence()

    def data(self):
        return fitted()


def test_it_is_what_retraining_the_head_says():
    train, validation, model = fitted()
    found = LastLayerInfluence().value(train, validation, model=model, utility="log_loss", folds=2, rng=np.random.default_rng(0))
    fold = user_folds(validation, 2, int(np.random.default_rng(0).integers(2**31)))
    X, X_val = (np.concatenate([r, np.ones((len(r), 1))], 1) for r in (model.represent(train), model.represent(validation)))

    def losses(rows):
        head = Peer(C=1 / L2, fit_intercept=False, tol=1e-10, max_iter=5_000, solver="newton-cholesky")
        margin = X_val @ head.fit(X[rows], train.label[rows]).coef_[0]
        each = np.logaddexp(0, np.where(validation.label > 0, -margin, margin))
        return np.array([each[fold == k].mean() for k in range(2)])

    every = np.arange(len(train))
    full = losses(every)
    extreme = np.argsort(found.value)[[0, 1, 2, 500, -300, -3, -2, -1]]
    expected = np.array([losses(every != i) - full for i in extreme]).T
    assert np.corrcoef(found.per_fold[:, extreme].ravel(), expected.ravel())[0, 1] > 0.9999
    assert np.polyfit(expected.ravel(), found.per_fold[:, extreme].ravel(), 1)[0] == pytest.approx(1.0, abs=0.02)


def test_it_needs_a_net_with_a_head():
    train, validation, _ = fitted()
    rng = np.random.default_rng(0)
    other = LogisticRegression(3.0).fit(train, rng=rng)
    with pytest.raises(InputError, match=r"needs a net with a linear head \(dcn\), not 'logistic'"):
        LastLayerInfluence().value(train, validation, model=other, utility="log_loss", folds=2, rng=rng)
