"""A line on the log-odds: its minimum by another optimiser, what it keeps, and its edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h
from scipy.optimize import minimize

from assay.models.platt import Platt, log_odds


def made(seed=0, rows=4_000, slope=0.6, shift=-1.0):
    """Probabilities that are right but for a line on their log-odds; every third row weighs 20."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1.0, 2.0, rows)
    label = (rng.random(rows) < 1 / (1 + np.exp(-(slope * margin + shift)))).astype(np.int8)
    return 1 / (1 + np.exp(-margin)), label, np.where(np.arange(rows) % 3, 1.0, 20.0)


def penalised(line, probability, label, weight):
    margin = line[0] * log_odds(probability) + line[1]
    effective = weight * weight.sum() / (weight @ weight)
    loss = effective @ np.logaddexp(0.0, np.where(label > 0, -margin, margin))
    return loss + 0.5 * ((line[0] - 1) ** 2 + line[1] ** 2)


@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_the_minimum_that_another_optimiser_finds(seed):
    rows = made(seed)
    line = Platt.of(*rows)
    found = minimize(penalised, [1.0, 0.0], args=rows, method="BFGS", options={"gtol": 1e-9}).x
    assert (line.slope, line.shift) == pytest.approx(found, abs=1e-5)
    assert (line.slope, line.shift) == pytest.approx((0.6, -1.0), abs=0.15)


def test_few_rows_move_little_and_rows_of_no_weight_nothing():
    probability, label, weight = made()
    few = Platt.of(probability[:6], label[:6], weight[:6])
    assert abs(few.slope - 1) + abs(few.shift) < 1.5
    padded = [np.concatenate((part, part[:50])) for part in (probability, label)]
    padded.append(np.concatenate((weight, np.zeros(50))))
    assert Platt.of(*padded) == Platt.of(probability, label, weight)


def test_what_is_right_stays():
    probability, label, weight = made(slope=1.0, shift=0.0, rows=40_000)
    line = Platt.of(probability, label, weight)
    assert (line.slope, line.shift) == pytest.approx((1.0, 0.0), abs=0.05)
    np.testing.assert_allclose(Platt()(probability), probability, rtol=1e-12)


def test_a_model_that_is_worse_than_chance_keeps_its_order():
    probability, label, weight = made()
    line = Platt.of(1 - probability, label, weight)
    assert line.slope == 0.05
    assert np.average(line(1 - probability), weights=weight) == pytest.approx(np.average(label, weights=weight), abs=0.02)


@settings(max_examples=100)
@given(h.lists(h.floats(0.0, 1.0), min_size=2, max_size=40), h.integers(0, 9))
def test_chances_are_finite_probabilities_in_the_models_order(values, seed):
    probability = np.array(values)
    rng = np.random.default_rng(seed)
    label, weight = rng.integers(0, 2, len(values)), rng.random(len(values)) + 0.1
    line = Platt.of(probability, label, weight)
    chance = line(probability)
    assert np.all(np.isfinite(chance))
    assert np.all((chance >= 0) & (chance <= 1))
    order = np.argsort(probability)
    assert np.all(np.diff(chance[order]) >= 0)
    apart = np.diff(probability[order]) > 1e-6
    assert np.all(np.diff(chance[order])[apart] > 0)
