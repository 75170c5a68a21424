"""Slopes and curvatures against differences of the losses, and pulls against solving the least-squares problem again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.numerics.families import IDENTITY, LOGIT

STEP = 1e-5
FAMILIES = [LOGIT, IDENTITY]


def labels(family, seed, n=30):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, n).astype(float) if family is LOGIT else rng.normal(0, 5, n)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=30)
@given(h.integers(0, 10_000))
def test_a_label_pulls_by_mean_minus_label(family, seed):
    margin, y = np.random.default_rng([seed, 1]).normal(0, 3, 30), labels(family, seed)
    slope = (family.losses(margin + STEP, y) - family.losses(margin - STEP, y)) / (2 * STEP * family.scale)
    np.testing.assert_allclose(family.mean(margin) - y, slope, atol=1e-7)
    bend = (family.mean(margin + STEP) - family.mean(margin - STEP)) / (2 * STEP)
    np.testing.assert_allclose(family.curvature(family.mean(margin)), bend, atol=1e-8)


def test_losses_are_what_their_measures_say():
    margin, y = np.array([0.0, 2.0, -700.0, 700.0]), np.array([1.0, 0.0, 1.0, 1.0])
    assert LOGIT.losses(margin, y) == pytest.approx([np.log(2), np.log1p(np.exp(2)), 700, 0])
    assert IDENTITY.losses(margin, y).tolist() == [1, 4, 701**2, 699**2]
    assert (LOGIT.measure, IDENTITY.measure) == ("log_loss", "mse")


@settings(max_examples=30)
@given(h.integers(0, 10_000), h.floats(0.1, 20))
def test_a_pull_moves_the_margin_of_what_is_left_out(seed, l2):
    """Of squared errors exactly: the normal equations are solved again without each row."""
    rng = np.random.default_rng(seed)
    X, y, weight = rng.normal(size=(12, 4)), rng.normal(size=12), rng.uniform(0.2, 3, 12)

    def margin(w):
        return X @ np.linalg.solve(X.T @ (w[:, None] * X) + l2 * np.eye(4), X.T @ (w * y))

    leverage = np.einsum("ij,jk,ik->i", X, np.linalg.inv(X.T @ (weight[:, None] * X) + l2 * np.eye(4)), X)
    moved = leverage * IDENTITY.pull(margin(weight), y, weight, leverage)
    for row in range(12):
        without = np.where(np.arange(12) == row, 0, weight)
        assert moved[row] == pytest.approx((margin(without) - margin(weight))[row], abs=1e-9)


def test_a_sample_that_alone_decides_has_a_finite_pull():
    one = np.ones(1)
    assert np.isfinite(IDENTITY.pull(one, 0 * one, one, one)).all()


def test_what_a_minimum_needs():
    assert LOGIT.fits(np.array([0.0, 1.0]))
    assert not LOGIT.fits(np.ones(3))
    assert IDENTITY.fits(np.ones(3))
