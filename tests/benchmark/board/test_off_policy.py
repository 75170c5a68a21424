import numpy as np
import pytest
from scipy import stats

from assay.benchmark.board.off_policy import ESTIMATORS, policy_value
from assay.errors import InputError

ACTIONS = 5
CONTEXTS = np.random.default_rng(99).dirichlet(np.ones(8))
BEHAVIOUR = np.random.default_rng(98).dirichlet(2 * np.ones(ACTIONS), 8) * 0.8 + 0.2 / ACTIONS
TARGET = np.random.default_rng(97).dirichlet(2 * np.ones(ACTIONS), 8)
CHANCE = np.random.default_rng(96).uniform(0.05, 0.6, (8, ACTIONS))
TRUE = float(CONTEXTS @ (TARGET * CHANCE).sum(axis=1))


def log(rng, rows, users=None):
    """Context, action and reward of each row; with users, a user has one context and a taste of its own."""
    user = np.arange(rows) if users is None else np.arange(rows) % users
    context = rng.choice(8, user.max() + 1, p=CONTEXTS)[user]
    action = (rng.random(rows)[:, None] > BEHAVIOUR[context].cumsum(axis=1)).sum(axis=1)
    taste = 0.0 if users is None else 0.3 * rng.choice([-1, 1], users)[user] * CHANCE[context, action]
    reward = (rng.random(rows) < CHANCE[context, action] + taste).astype(float)
    return user, context, action, reward


def model(context, action, error):
    """A reward model that is off by `error` in places."""
    predicted = CHANCE + error * np.random.default_rng(1).normal(size=CHANCE.shape)
    return predicted[context, action], (TARGET * predicted).sum(axis=1)[context]


def estimate(estimator, context, action, reward, *, error=0.2, **more):
    given = model(context, action, error) if estimator == "doubly_robust" else None
    return policy_value(reward, BEHAVIOUR[context, action], TARGET[context, action], estimator=estimator, model=given, **more)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("users", [None, 150])
def test_unbiased_and_covered_in_a_world_that_is_known(estimator, users):
    rng, found = np.random.default_rng(7), []
    for _ in range(600):
        user, context, action, reward = log(rng, 600, users)
        found.append(estimate(estimator, context, action, reward, user=user))
    value = np.array([one.value for one in found])
    assert abs(value.mean() - TRUE) < 4 * value.std() / np.sqrt(600)
    assert np.mean([one.stderr for one in found]) == pytest.approx(value.std(), rel=0.1)
    assert 0.925 < np.mean([one.low < TRUE < one.high for one in found]) < 0.975
    assert found[0].users == (users or 600)


def test_without_its_users_the_error_is_too_small():
    rng, inside = np.random.default_rng(8), []
    for _ in range(300):
        _, context, action, reward = log(rng, 1200, 40)
        one = estimate("ips", context, action, reward)
        inside.append(one.low < TRUE < one.high)
    assert np.mean(inside) < 0.88


def test_a_good_model_narrows_and_a_bad_one_does_no_harm_to_the_mean():
    _, context, action, reward = log(np.random.default_rng(9), 20_000)
    ips, good = estimate("ips", context, action, reward), estimate("doubly_robust", context, action, reward, error=0.0)
    bad = estimate("doubly_robust", context, action, reward, error=3.0)
    assert good.stderr < 0.95 * ips.stderr
    assert bad.stderr > ips.stderr
    assert all(one.low < TRUE < one.high for one in (ips, good, bad))


def test_by_hand():
    reward, propensity, target = [1.0, 0.0, 1.0, 0.5], [0.5, 0.25, 0.5, 1.0], [0.5, 0.5, 0.25, 1.0]
    w = np.array([1, 2, 0.5, 1])
    ips = policy_value(reward, propensity, target, estimator="ips")
    assert ips.value == pytest.approx(2 / 4)
    assert ips.stderr == pytest.approx(stats.sem([1, 0, 0.5, 0.5]))
    assert ips.high - ips.value == pytest.approx(stats.t.ppf(0.975, 3) * ips.stderr)
    assert ips.effective_rows == pytest.approx(4.5**2 / 6.25)
    assert (ips.mean_weight, ips.largest_weight, ips.clipped) == (4.5 / 4, 2, 0)
    snips = policy_value(reward, propensity, target)
    assert snips.value == pytest.approx(2 / 4.5)
    residual = w * (np.array(reward) - 2 / 4.5)
    assert snips.stderr == pytest.approx(residual.std(ddof=1) / np.sqrt(4) / (4.5 / 4))
    robust = policy_value(reward, propensity, target, estimator="doubly_robust", model=([0.5] * 4, [0.4] * 4))
    assert robust.value == pytest.approx(np.mean(0.4 + w * (np.array(reward) - 0.5)))
    clipped = policy_value(reward, propensity, target, estimator="ips", clip=1.0)
    assert (clipped.value, clipped.clipped, clipped.mean_weight) == (pytest.approx(2 / 4), 1, 4.5 / 4)
    assert ips.to_dict()["estimator"] == "ips"


def test_the_logs_own_policy_is_its_mean():
    reward = np.random.default_rng(0).random(50)
    for estimator in ("ips", "snips"):
        found = policy_value(reward, np.full(50, 0.2), np.full(50, 0.2), estimator=estimator)
        assert (found.value, found.effective_rows) == (pytest.approx(reward.mean()), pytest.approx(50))
        assert found.stderr == pytest.approx(stats.sem(reward))
        assert found.warning is None


def test_snips_moves_with_a_constant():
    _, context, action, reward = log(np.random.default_rng(3), 200)
    one, other = (estimate("snips", context, action, reward + add) for add in (0, 5))
    assert other.value == pytest.approx(one.value + 5)
    assert other.stderr == pytest.approx(one.stderr)


def test_warnings():
    rng = np.random.default_rng(4)
    propensity = np.where(rng.random(5000) < 0.999, 0.9, 0.0005)
    found = policy_value(rng.random(5000), propensity, np.full(5000, 0.5))
    assert found.effective_rows < 500
    assert "say as much as" in found.warning
    wrong = policy_value(rng.random(5000), np.full(5000, 0.5), rng.uniform(0, 0.5, 5000))
    assert "weights are 0.5" in wrong.warning
    assert policy_value(rng.random(5000), propensity, np.full(5000, 0.5), least_share=0.0).warning != found.warning


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propensity": [0.5, 0.0, 0.5]}, "propensity of row 1 is 0: it is not in"),
        ({"propensity": [0.5, np.nan, 0.5]}, "propensity of row 1 is nan"),
        ({"propensity": [0.5, 0.2, 1.5]}, "propensity of row 2 is 1.5"),
        ({"target": [0.5, 0.2, -0.5]}, "target of row 2 is -0.5"),
        ({"reward": [0.5, np.nan, 0.5]}, "reward of row 1 is nan"),
        ({"target": [0.0, 0, 0]}, "shows none of the logged actions"),
        ({"user": [1, 1, 1]}, "at least 2"),
    ],
)
def test_refuses_data(change, message):
    good = {"reward": [0, 1, 0], "propensity": [0.5, 0.5, 0.5], "target": [0.2, 0.2, 0.2]}
    with pytest.raises(InputError, match=message):
        policy_value(**(good | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": "dm"}, "estimator is 'dm'; give one of ips, snips"),
        ({"estimator": "doubly_robust"}, "model is needed by doubly_robust"),
        ({"model": ([1, 1, 1], [1, 1, 1])}, "model is needed by doubly_robust"),
        ({"estimator": "doubly_robust", "model": ([1, 1], [1, 1])}, "model has shapes"),
        ({"reward": [0, 1]}, "have shapes"),
        ({"user": [0, 1]}, "user has shape"),
    ],
)
def test_refuses_arrays(change, message):
    good = {"reward": [0, 1, 0], "propensity": [0.5, 0.5, 0.5], "target": [0.2, 0.2, 0.2]}
    with pytest.raises(ValueError, match=message):
        policy_value(**(good | change))


@pytest.mark.parametrize("clip", [0, -1, float("nan")])
def test_a_clip_that_is_no_weight(clip):
    with pytest.raises(InputError, match=r"clip is .*; give a weight above 0"):
        policy_value([1.0, 0.0], [0.5, 0.5], [0.5, 0.5], clip=clip)


@pytest.mark.parametrize("share", [0.02, 0.03])
def test_few_heavy_rows_make_the_interval_wide(share):
    """A shop explores rarely: some 30 or 45 of 1,500 rows say something of the target, and a tenth of these have a reward."""
    rng, inside, by_all_rows = np.random.default_rng(11), [], []
    for _ in range(1_000):
        target = (rng.random(1_500) < share).astype(float)
        reward = (rng.random(1_500) < 0.1).astype(float)
        one = policy_value(reward, np.full(1_500, share), target)
        inside.append(one.low < 0.1 < one.high)
        by_all_rows.append(abs(one.value - 0.1) < stats.t.ppf(0.975, 1_499) * one.stderr)
    assert np.mean(by_all_rows) < 0.91
    assert 0.925 < np.mean(inside) < 0.98


def test_degrees_of_freedom_by_hand():
    reward = [12.0, *[0.0] * 11]  # about the mean of 1: one deviation of 11, eleven of 1
    one = policy_value(reward, np.ones(12), np.ones(12), estimator="ips")
    square = np.array([11.0, *[1.0] * 11]) ** 2
    df = 2 * square.sum() ** 2 / ((square**2).sum() - square.sum() ** 2 / 12)
    assert 2 < df < 11
    assert one.high - one.value == pytest.approx(stats.t.ppf(0.975, df) * one.stderr)
