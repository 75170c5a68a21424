"""The loop is closed: what was served by chance tells what another ranker would earn, and what is learnt from it is better."""

import tomllib

import numpy as np
import pyarrow.compute as pc
import pytest

from assay import config
from assay.benchmark.board.off_policy import PolicyValue, policy_value
from assay.finished import Finished
from assay.logs.clean_log import CleanLog
from assay.logs.suggest import suggest
from assay.numerics.position_bias import randomised
from assay.serving.events import EventStore, Exploration, Stored, give, outcomes, target_propensities
from tests.conftest import run_in
from tests.serving.events.made_shop import Shop, log_of, visits

SHOP = Shop()


def value_of_the_best(seed: int, users: int, lists: int, chance: float) -> PolicyValue:
    """What the log of a popularity ranking says of the ranking by what pleases."""
    log, group = log_of(SHOP, users, lists, Exploration(chance, seed), np.random.default_rng(seed))
    table = outcomes(log, "view")
    group_of = dict(zip(table.column("list_id").to_pylist(), group[table.column("user_id").to_numpy()], strict=True))
    rankings = {name: SHOP.best[one].tolist() for name, one in group_of.items()}
    target = target_propensities(table, rankings, SHOP.shown)
    reward, propensity, user = (table.column(name).to_numpy() for name in ("reward", "propensity", "user_id"))
    return policy_value(reward, propensity, target, user=user)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("users", "lists", "chance"), [(200, 20, 0.2)])
def test_the_interval_of_a_new_rankers_value_holds_the_truth_as_often_as_it_says(users, lists, chance):
    every = np.arange(SHOP.groups)
    truth = SHOP.clicks(SHOP.best, every)
    assert truth > 1.5 * SHOP.clicks(np.tile(np.arange(SHOP.items), (SHOP.groups, 1)), every)  # it is another ranker
    values = [value_of_the_best(seed, users, lists, chance) for seed in range(200)]
    held = np.mean([one.low <= truth <= one.high for one in values])
    assert 0.93 <= held <= 0.97
    found = np.array([one.value for one in values])
    assert abs(found.mean() - truth) < 3 * found.std() / np.sqrt(len(found))
    assert np.mean([one.stderr for one in values]) == pytest.approx(found.std(), rel=0.2)


@pytest.mark.slow
def test_places_are_told_by_what_chance_put_there():
    log, _ = log_of(SHOP, 3_000, 20, Exploration(0.5), np.random.default_rng(0))
    table = outcomes(log, "view")
    columns = (table.column(name).to_numpy() for name in ("position", "reward", "propensity"))
    found = randomised(*columns)
    np.testing.assert_allclose(found.examination, SHOP.looked_at, atol=0.05)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_shop_that_learns_from_what_it_served_serves_better(tmp_path):
    """Weeks of lists by a ranking that knows nothing; a run on what came back; its lists please more, as is known."""
    shop, rng = Shop(items=30, groups=5, shown=6), np.random.default_rng(1)
    groups = np.arange(100) % shop.groups
    orders = np.stack([rng.permutation(shop.items) for _ in groups])
    url = f"sqlite:///{tmp_path / 'events.db'}"
    events, exploration = EventStore(url), Exploration(0.2)
    best = np.stack([order[np.argsort(-shop.pleases[g, order])] for order, g in zip(orders[:, :12], groups, strict=True)])
    earned: list[tuple[float, float]] = []  # weight and reward of each shown item, as the best order of the 12 sees them

    def serve(weeks: range) -> None:
        def one(user, order, name):
            return give(order[:12], shop.shown, exploration, user_id=user, model="old", list_id=name)

        for given, done, at in visits(shop, orders, groups, weeks, one, rng):
            waiting = [events.submit(kept) for kept in (given.batch(at), done) if kept is not None]
            assert {future.result() for future in waiting} == {Stored.NEW}
            bought = {row["item_id"] for row in done.rows} if done is not None else set()
            places = zip(given.items, best[given.user_id], given.propensities, strict=False)
            earned.extend(((item == wanted) / propensity, str(item) in bought) for item, wanted, propensity in places)

    serve(range(14))
    content = tomllib.loads(suggest(url))
    content |= {
        "samples": {"warm_up": 2, "validation": 2, "tuning": 2, "test": 2},
        "encode": {"rare": 20, "bins": 8},
        "models": {"names": ["popularity", "als", "logistic", "lightgbm"], "lightgbm_trees": 30},
        "evaluate": {"resamples": 50},
        "recommend": {"per_user": shop.shown, "exclude_bought": False},
    }
    run = run_in(config.parse(content), tmp_path / "run", until="recommend")
    old, new = shop.clicks(orders, groups), shop.clicks(lists_of(run, len(groups), shop.shown), groups)
    assert new > 1.5 * old
    value = value_from(run, best, shop.shown)
    weight, reward = np.array(earned, float).T
    assert value.value == pytest.approx(weight @ reward / weight.sum(), rel=1e-12)  # nothing was lost or changed on the way
    assert value.low <= shop.clicks(best, groups) <= value.high
    assert value.low > old  # that it is better is told from the log alone
    serve(range(14, 15))
    events.close()
    again = run_in(config.parse(content), tmp_path / "run", until="collect")
    [source] = again.read_json("log/collect.json")["sources"]
    assert source["rows"] > 14 * 3 * len(groups) * shop.shown


def value_from(run: Finished, orders: np.ndarray, shown: int) -> PolicyValue:
    """What the log of a run says of other orders (users, items) of the items that were ranked for each user."""
    table = outcomes(CleanLog.read(run), "purchase")
    user = pc.cast(table.column("user_id"), "int64").to_numpy()
    rankings = {
        name: [str(item) for item in orders[one]] for name, one in zip(table.column("list_id").to_pylist(), user, strict=True)
    }
    target = target_propensities(table, rankings, shown)
    return policy_value(table.column("reward").to_numpy(), table.column("propensity").to_numpy(), target, user=user)


def lists_of(run: Finished, users: int, shown: int) -> np.ndarray:
    """(users, shown) the items that a run recommends to each user, by rank."""
    table = run.read_table("recommendations.parquet")
    lists = np.full((users, shown), -1)
    columns = (pc.cast(table.column(name), "int64").to_numpy() for name in ("user_id", "rank", "item_id"))
    user, rank, item = columns
    lists[user, rank - 1] = item
    assert (lists >= 0).all()
    return lists
