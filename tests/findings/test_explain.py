"""Explanations add up to the value they explain, and name what retraining confirms."""

import numpy as np
import pytest

from assay.findings.explain import explain_sample, explain_score, leave_out
from assay.findings.labels import Wording
from assay.importance.influence_state import prepare
from assay.models.logistic import LogisticRegression
from assay.numerics.products import margins
from assay.testing.data import make_samples


@pytest.fixture(scope="module")
def world():
    samples = make_samples(3_000)
    train = samples.split("train")
    return train, samples.split("validation"), LogisticRegression(l2=3.0).fit(train, rng=np.random.default_rng(0))


@pytest.mark.slow
def test_parts_sum_to_the_value(world):
    train, validation, model = world
    state = prepare(
        train.matrix(), train.label, validation.matrix(), validation.label, l2=3.0, coef=model.coef_, sample_weight=train.weight,
        weight_val=validation.weight,
    )  # fmt: skip
    values = state.values(train.matrix(), train.label, train.weight)[0]
    for row in (0, 5, 77):
        explained = explain_sample(model, train, validation, row, {}, Wording(), shown=10_000)
        assert explained.value == pytest.approx(values[row], rel=1e-6)
        assert sum(line.part for line in explained.columns) == pytest.approx(values[row], rel=1e-6)
        requests = [line.part for line in explained.helped + explained.hurt]
        assert sum(requests) == pytest.approx(values[row], rel=1e-6)
        assert all(line.part > 0 for line in explained.helped)
        assert all(line.part < 0 for line in explained.hurt)


def test_a_move_is_that_of_retraining(world):
    train, _, model = world
    move = leave_out(model, train, 3)
    weight = train.weight.copy()
    weight[3] = 0
    again = model.fresh().fit(train.with_weight(weight), rng=np.random.default_rng(0))
    np.testing.assert_allclose(move.step, again.coef_ - model.coef_, atol=0.02 * np.abs(move.step).max())


def test_neighbours_are_the_nearest(world):
    train, validation, model = world
    explained = explain_sample(model, train, validation, 9, {}, Wording())
    distances = [line.distance for line in explained.neighbours]
    assert distances == sorted(distances)
    assert len(distances) == 5
    assert explained.sample_id not in [line.sample_id for line in explained.neighbours]


def test_the_samples_that_made_a_score_are_those_whose_absence_lowers_it(world):
    train, validation, model = world
    candidate = validation.take(np.array([4]))
    explained = explain_score(model, train, candidate, {}, Wording())
    ids = train.keys.column("sample_id").to_numpy()
    for line in (*explained.made[:2], *explained.against[:2]):
        weight = train.weight.copy()
        weight[ids == line.sample_id] = 0
        again = model.fresh().fit(train.with_weight(weight), rng=np.random.default_rng(0))
        moved = float(margins(candidate.matrix(), again.coef_)[0]) - explained.margin
        assert moved == pytest.approx(line.change, rel=0.2)
    assert all(line.change < 0 for line in explained.made)
