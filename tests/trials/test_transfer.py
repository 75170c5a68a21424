"""Values of one model tried on others."""

import numpy as np
import pytest

from assay.models.logistic import LogisticRegression
from assay.models.trees import DecisionTree
from assay.trials.transfer import Made, transfer
from tests.trials.test_verify import world  # noqa: F401


def test_every_model_is_retrained_without_the_worst_of_every_order(world):  # noqa: F811
    train, wrong, _, tuning, _ = world
    rng = np.random.default_rng(0)
    models = {
        "other": LogisticRegression(l2=30.0).fit(train, rng=rng),
        "tree": DecisionTree(subsample=2_000, leaves=6, least=100).fit(train, rng=rng),
    }
    made = {
        "oracle": Made(np.argsort(~wrong, kind="stable"), "logistic", 1.234),
        "random": Made(rng.permutation(len(train)), "", 0.0),
    }
    seen = []
    found = transfer(
        models, train, tuning, made, fraction=0.1, floor=0.0, seed=0, progress=lambda done, of: seen.append((done, of))
    )
    assert [(line["model"], line["order"]) for line in found] == [
        ("other", "random"), ("other", "oracle"), ("tree", "random"), ("tree", "oracle"),
    ]  # fmt: skip
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4)]
    oracle = found[1]
    assert (oracle["made_with"], oracle["seconds"], oracle["fraction"]) == ("logistic", 1.23, 0.1)
    assert oracle["difference"]["log_loss"]["high"] < 0
    assert oracle["against_random"]["log_loss"]["high"] < 0
    assert "against_random" not in found[0]
    expected = oracle["difference"]["log_loss"]["value"] - found[0]["difference"]["log_loss"]["value"]
    assert oracle["against_random"]["log_loss"]["value"] == pytest.approx(expected, abs=1e-9)
