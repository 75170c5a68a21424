"""Models learn and predict the same on any number of cores."""

import numpy as np
import pytest

from assay.models import boosting, trees
from assay.models.boosting import LightGBM
from assay.models.lambdarank import LambdaRank
from assay.models.trees import RandomForest
from assay.testing.data import make_samples


@pytest.mark.parametrize("model", [LightGBM, LambdaRank, RandomForest])
def test_cores_change_nothing(model, monkeypatch):
    samples = make_samples(6_000)
    train, predicted = samples.split("train"), []
    for cores in (1, 2, 5):
        for module in (boosting, trees):
            monkeypatch.setattr(module, "cores", lambda cores=cores: cores)
        predicted.append(model().fit(train, rng=np.random.default_rng(0)).predict(samples))
    assert len(samples) > boosting._FEW
    assert len(np.unique(predicted[0])) > 100
    np.testing.assert_array_equal(predicted[0], predicted[1])
    np.testing.assert_array_equal(predicted[0], predicted[2])
