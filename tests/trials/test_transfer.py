"""Values of one model tried on others."""

import numpy as np
import pytest

from assay.models.logistic import LogisticRegression
from assay.models.trees import DecisionTree
from assay.trials.transfer import Proxy, transfer
from tests.trials.test_verify import world  # noqa: F401


def test_every_model_is_retrained_without_the_worst_of_every_order(world):  # noqa: F811
    train, wrong, _, tuning, _ = world
    rng = np.random.default_rng(0)
    models = {
        "other": LogisticRegression(l2=30.0).fit(train, rng=rng),
        "tree": DecisionTree(subsample=2_000, leaves=6, least=100).fit(train, rng=rng),
    }
    chance = Proxy(rng.permutation(len(train)), "", 0.0)
    proxies = {"oracle": Proxy(np.argsort(~wrong, kind="stable"), "logistic", 1.234)}
    seen = []
    found = transfer(
        models, train, tuning, chance, proxies, fraction=0.1, floor=0.0, seed=0,
        progress=lambda done, of: seen.append((done, of)),
    )  # fmt: skip
    assert [(line["model"], line["valuer"]) for line in found] == [
        ("other", None), ("other", "oracle"), ("tree", None), ("tree", "oracle"),
    ]  # fmt: skip
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4)]
    oracle = found[1]
    assert (oracle["made_with"], oracle["seconds"], oracle["fraction"]) == ("logistic", 1.23, 0.1)
    assert oracle["difference"]["log_loss"]["high"] < 0
    assert oracle["against_random"]["log_loss"]["high"] < 0
    assert "against_random" not in found[0]
    expected = oracle["difference"]["log_loss"]["value"] - found[0]["difference"]["log_loss"]["value"]
    assert oracle["against_random"]["log_loss"]["value"] == pytest.approx(expected, abs=1e-9)
