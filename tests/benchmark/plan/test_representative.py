import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.benchmark.attributes import attribute
from assay.benchmark.plan.representative import SHARES, represent, weighted_mean
from assay.errors import InputError

N = 3000


def requests(N: int = N, seed: int = 0, phone: float = 0.6) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "request_id": [f"запрос {i} 🛒" for i in range(N)],
            "user_id": rng.integers(N // 3, size=N),
            "device": rng.choice(["phone", "desk", "tablet"], N, p=[phone, 0.9 - phone, 0.1]),
            "category": rng.choice([f"类{k:02}" for k in range(20)], N, p=np.arange(20, 0, -1) / 210),
            "price": np.exp(rng.normal(size=N)),
            "hour": rng.integers(24, size=N),
            "new": rng.random(N) < 0.3,
        }
    )


POOL = requests()
TRAFFIC = requests(5000, 1, 0.3)


def score(pool: pa.Table, noise: float = 0.1) -> np.ndarray:
    """Scores that the attributes explain most of."""
    rng = np.random.default_rng(5)
    device = np.array(pool.column("device").to_pylist())
    new = pool.column("new").to_numpy()
    price = np.log(pool.column("price").to_numpy())
    return 0.4 * (device == "phone") + 0.2 * new + 0.1 * price + noise * rng.normal(size=pool.num_rows)


def distance(shares: pa.Table) -> dict[str, float]:
    """Of each attribute, half the sum of the differences between chosen and traffic."""
    out: dict[str, float] = {}
    for row in shares.to_pylist():
        out[row["attribute"]] = out.get(row["attribute"], 0) + abs(row["chosen"] - row["traffic"]) / 2
    return out


def test_with_its_own_traffic_chances_and_weights_are_equal():
    chosen = represent(POOL, 200)
    assert len(chosen) == 200 == len(set(chosen.rows))
    np.testing.assert_allclose(chosen.inclusion, 200 / N)
    np.testing.assert_allclose(chosen.weight, 1 / 200)
    assert len(set(chosen.weight)) == 1
    assert chosen.unmatched == ()
    assert chosen.shares.schema == SHARES
    ids = POOL.column("request_id").take(chosen.rows).to_pylist()
    assert ids == sorted(ids)
    assert chosen.features.shape == (200, len(chosen.mean))


@pytest.mark.slow
@pytest.mark.parametrize("traffic", [POOL, TRAFFIC])
@pytest.mark.parametrize("size", [50, 200, 1000])
def test_the_chosen_mirror_the_traffic_better_than_a_simple_draw_from_it(size, traffic):
    rng = np.random.default_rng(0)
    draws = [represent(POOL, size, traffic=traffic, seed=seed).shares for seed in range(10)]
    for shares in draws:
        assert np.abs(shares.column("chosen").to_numpy() - shares.column("traffic").to_numpy()).max() < 4 / size
    for name in ("device", "category", "price", "hour", "new"):
        one = attribute(name, traffic.column(name), traffic.column(name))
        simple = [rng.permutation(one.pool)[:size] for _ in range(50)]
        off = [np.abs(np.bincount(codes, minlength=len(one.levels)) / size - one.traffic).sum() / 2 for codes in simple]
        assert np.mean([distance(shares)[name] for shares in draws]) < 0.7 * np.mean(off), name


def test_another_traffic_is_mirrored_with_weights_as_equal_as_can_be():
    chosen = represent(POOL, 300, traffic=TRAFFIC)
    np.testing.assert_allclose(chosen.weight, 1 / 300)
    rows = {(row["attribute"], row["level"]): row for row in chosen.shares.to_pylist()}
    phone = rows["device", "phone"]
    assert phone["pool"] == pytest.approx(0.6, abs=0.03)
    assert phone["traffic"] == pytest.approx(phone["chosen"], abs=3 / 300)
    assert chosen.inclusion.min() < chosen.inclusion.max()


def test_what_would_be_drawn_more_than_once_is_drawn_for_certain_and_weighs_more():
    pool = pa.table({"request_id": np.arange(100), "device": ["phone"] * 95 + ["desk"] * 5})
    traffic = pa.table({"device": ["phone", "desk"]})
    chosen = represent(pool, 40, traffic=traffic)
    desk = np.isin(chosen.rows, np.arange(95, 100))
    assert desk.sum() == 5
    assert (chosen.inclusion[desk] == 1).all()
    np.testing.assert_allclose(chosen.weight[desk], 0.1)
    np.testing.assert_allclose(chosen.weight[~desk], 0.5 / 35)
    assert chosen.weight.sum() == pytest.approx(1)


@pytest.mark.slow
def test_chances_are_how_often_requests_are_drawn_and_means_are_unbiased():
    pool, traffic = requests(200), requests(400, 3, 0.4)
    often, means = np.zeros(200), []
    chance = np.full(200, np.nan)
    y = score(pool)
    for seed in range(1500):
        chosen = represent(pool, 40, traffic=traffic, attributes=["device", "new"], seed=seed)
        often[chosen.rows] += 1
        chance[chosen.rows] = chosen.inclusion
        means.append(chosen.weight @ y[chosen.rows])
    assert chance.sum() == pytest.approx(40)
    z = (often / 1500 - chance) / np.sqrt(chance * (1 - chance) / 1500)
    assert np.abs(z).max() < 4.5
    # The mean over the pool as raked: chances are in proportion to its weights.
    assert np.mean(means) == pytest.approx(chance @ y / 40, abs=4 * np.std(means) / np.sqrt(1500))


@pytest.mark.slow
@pytest.mark.parametrize(("size", "traffic"), [(50, None), (100, None), (300, None), (300, TRAFFIC)])
def test_intervals_cover_and_are_narrower_than_a_simple_draws(size, traffic):
    y = score(POOL)
    draws = [represent(POOL, size, traffic=traffic, seed=seed) for seed in range(500)]
    found = np.array([weighted_mean(chosen, y[chosen.rows]) for chosen in draws])
    truth = y.mean() if traffic is None else found[:, 0].mean()
    assert 0.93 <= np.mean((found[:, 1] <= truth) & (truth <= found[:, 2])) <= 0.97
    simple = 1.96 * y.std() * np.sqrt((1 - size / N) / size)
    assert np.mean(found[:, 2] - found[:, 1]) / 2 < 0.5 * simple


def test_without_attributes_the_interval_is_that_of_a_simple_random_draw():
    y = score(POOL)
    chosen = represent(POOL, 100, attributes=[])
    found = weighted_mean(chosen, y[chosen.rows])
    drawn = y[chosen.rows]
    assert found.value == pytest.approx(drawn.mean())
    half = 1.98422 * drawn.std(ddof=1) * np.sqrt((1 - 100 / N) / 100)
    assert found.high - found.value == pytest.approx(half, rel=1e-4)
    assert found.value - found.low == pytest.approx(half, rel=1e-4)
    assert chosen.coverage == (0, 1, 1)
    assert chosen.shares.num_rows == 0


def test_every_request_is_as_often_in_a_simple_random_draw():
    pool = pa.table({"request_id": np.arange(20)})
    often = sum(np.isin(np.arange(20), represent(pool, 5, seed=seed).rows) for seed in range(2000))
    assert np.abs(often / 2000 - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / 2000)


def test_the_same_requests_in_any_order_of_the_rows():
    turn, other = np.random.default_rng(0).permutation(N), np.random.default_rng(1).permutation(5000)
    for traffic in (None, TRAFFIC):
        a = represent(POOL, 100, traffic=traffic, seed=3)
        b = represent(POOL.take(turn), 100, traffic=traffic and traffic.take(other), seed=3)
        np.testing.assert_array_equal(a.rows, turn[b.rows])
        np.testing.assert_array_equal(a.weight, b.weight)
        np.testing.assert_array_equal(a.inclusion, b.inclusion)
        assert a.shares.equals(b.shares)
        assert a.coverage == b.coverage
        assert set(represent(POOL, 100, traffic=traffic, seed=4).rows) != set(a.rows)


@given(
    h.lists(h.tuples(h.sampled_from(["א", "牛奶", "", "🥛", None]), h.none() | h.floats(width=32)), min_size=1, max_size=40),
    h.data(),
)
@settings(max_examples=100, deadline=None)
def test_any_table_gives_a_draw_of_the_size(rows, data):
    size = data.draw(h.integers(1, len(rows)))
    pool = pa.table(
        {
            "request_id": [f"r{i}" for i in range(len(rows))],
            "kind": pa.array([kind for kind, _ in rows], pa.string()),
            "number": pa.array([number for _, number in rows], pa.float64()),
        }
    )
    chosen = represent(pool, size)
    assert len(set(chosen.rows)) == size
    assert chosen.weight.sum() == pytest.approx(1)
    for name in ("kind", "number"):
        of = chosen.shares.filter(pa.compute.equal(chosen.shares.column("attribute"), name))
        for share in ("traffic", "pool", "chosen"):
            assert of.column(share).to_numpy().sum() == pytest.approx(1)
    assert weighted_mean(chosen, np.full(size, 0.5)).value == pytest.approx(0.5)


def test_all_requests_are_known_without_error():
    y = score(POOL)
    chosen = represent(POOL, N)
    assert sorted(chosen.rows) == list(range(N))
    assert weighted_mean(chosen, y[chosen.rows]) == pytest.approx((y.mean(),) * 3)


def test_one_request_tells_no_error():
    chosen = represent(POOL, 1)
    value, low, high = weighted_mean(chosen, [0.25])
    assert value == pytest.approx(0.25)
    assert np.isnan([low, high]).all()


def test_integer_ids_and_ids_of_a_dictionary():
    whole = represent(pa.table({"request_id": np.arange(N), "device": POOL.column("device")}), 50)
    text = pa.array([str(i) for i in range(N)])
    for ids in (text, text.dictionary_encode(), text.cast(pa.string_view())):
        named = represent(pa.table({"request_id": ids, "device": POOL.column("device")}), 50)
        assert set(named.rows) == set(whole.rows)


def test_more_kinds_occur_than_in_a_simple_draw():
    draws = [represent(POOL, 100, seed=seed).coverage for seed in range(20)]
    assert np.mean([one.chosen for one in draws]) > draws[0].simple


def test_coverage_counts_levels_and_pairs_against_simple_draws():
    pool = pa.table({"request_id": np.arange(40), "a": list("xy") * 20, "b": ["p"] * 30 + ["q"] * 10})
    chosen = represent(pool, 4)
    assert chosen.coverage.kinds == 6  # x, y, p, q, xp, yp; half a request of xq and of yq is expected
    rng = np.random.default_rng(0)
    a, b = np.arange(40) % 2, np.arange(40) >= 30
    kinds = np.array([a == 0, a == 1, ~b, b, (a == 0) & ~b, (a == 1) & ~b])
    seen = np.mean([kinds[:, rng.permutation(40)[:4]].any(axis=1).mean() for _ in range(4000)])
    assert chosen.coverage.simple == pytest.approx(seen, abs=0.01)
    assert chosen.coverage.chosen == kinds[:, chosen.rows].any(axis=1).mean()


def small(**columns) -> pa.Table:
    return pa.table({"request_id": np.arange(len(next(iter(columns.values())))), **columns})


def test_tells_what_the_pool_cannot_mirror():
    pool = small(device=["phone"] * 50 + ["desk"] * 50, os=["a"] * 50 + ["b"] * 50, lang=["x"] * 100)
    traffic = pa.table({"device": ["phone"] * 1400 + ["desk"] * 600, "os": ["a"] * 999 + ["b"] * 1000 + ["c"]})
    said = represent(pool, 10, traffic=traffic).unmatched
    assert said[0] == "lang is not known of the traffic: not balanced on"
    assert said[1] == "os 'c', 0.05% of the traffic, has no request in the pool: left out"
    assert said[2].startswith("device 'phone' is 70.00% of the traffic; the pool can be weighted to 49.9")
    pool = small(device=["phone", "desk", "tv", None])
    chosen = represent(pool, 2, traffic=pa.table({"device": ["phone", "desk"]}))
    assert chosen.rows.tolist() == [0, 1]
    assert chosen.unmatched == (
        "device 'other', 25.00% of the pool, is not in the traffic: never chosen",
        "device null, 25.00% of the pool, is not in the traffic: never chosen",
    )


@pytest.mark.parametrize(
    ("pool", "size", "options", "message"),
    [
        (POOL, 0, {}, "size is 0; give a whole number"),
        (POOL, 2.5, {}, r"size is 2\.5"),
        (POOL, N + 1, {}, "size is 3001, but the pool has 3000 requests"),
        (POOL.slice(0, 0), 1, {}, "the pool is empty"),
        (POOL, 1, {"traffic": TRAFFIC.slice(0, 0)}, "the traffic is empty"),
        (POOL, 1, {"attributes": ["devise"]}, "the pool has no attribute 'devise'; did you mean 'device'"),
        (POOL, 1, {"attributes": ["device"], "traffic": TRAFFIC.drop(["device"])}, "the traffic has no attribute 'device'"),
        (POOL, 1, {"traffic": pa.table({"x": [1]})}, "none of the pool's attributes device, category, price, hour, new"),
        (POOL.rename_columns(["request", *POOL.column_names[1:]]), 1, {}, "no column request_id; did you mean 'request'"),
        (pa.table({"request_id": ["a", None]}), 1, {}, "1 request ids of the pool are null"),
        (pa.table({"request_id": ["a", "b", "a"]}), 1, {}, "request 'a' is in the pool twice"),
        (
            small(device=["phone", "desk"]), 1, {"traffic": pa.table({"device": ["phone", "tv"]})},
            "device 'tv', 50.00% of the traffic, has no request in the pool: the log cannot mirror it",
        ),
        (small(device=["phone", "desk"]), 2, {"traffic": pa.table({"device": ["phone"]})}, "only 1 of the pool's 2 requests"),
    ],
)  # fmt: skip
def test_refuses_what_the_user_must_mend(pool, size, options, message):
    with pytest.raises(InputError, match=message):
        represent(pool, size, **options)


def test_scores_must_fit():
    chosen = represent(POOL, 3)
    with pytest.raises(InputError, match=r"scores of shape \(2,\) for 3 requests"):
        weighted_mean(chosen, [1, 2])
    with pytest.raises(InputError, match="1 of the new system's scores are NaN"):
        weighted_mean(chosen, [1, 2, np.nan])
