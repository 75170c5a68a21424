"""The transformer: the conformance of recommenders; its rows, its loss and its causality by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from assay.errors import InputError  # noqa: E402
from assay.models.neural_recommender import sampled_softmax  # noqa: E402
from assay.models.next_item import Transformer, TransformerNet, followers, shuffled, since  # noqa: E402
from assay.models.recommender import Taken  # noqa: E402
from assay.testing.recommenders import RecommenderTests  # noqa: E402

SMALL = {
    "factors": 8, "length": 12, "layers": 1, "heads": 2, "dropout": 0.1, "negatives": 32, "rate": 0.01, "batch": 16, "epochs": 3,
}  # fmt: skip


class TestTransformer(RecommenderTests):
    def make(self):
        return Transformer(**SMALL)


def chain(users=60, items=12, events=15, seed=0):
    """Each user walks around a circle of items."""
    rng = np.random.default_rng(seed)
    first = rng.integers(items, size=users)
    user = np.repeat(np.arange(users), events)
    step = np.tile(np.arange(events), users)
    return user, (first[user] + step) % items, step + 3


@pytest.mark.slow
def test_it_learns_an_order_that_counts_do_not_show():
    user, item, period = chain(users=40)
    model = Transformer(**(SMALL | {"epochs": 30, "dropout": 0.0, "rate": 0.02}))
    model.fit_events(user, item, period, rng=np.random.default_rng(1))
    known = np.arange(5), np.array([0, 3, 7, 10, 11]), np.full(5, 4)
    best, _ = model.knowing(*known).top_n(np.arange(5), 1, exclude_known=False)
    np.testing.assert_array_equal(best[:, 0], (known[1] + 1) % 12)


@pytest.mark.slow
def test_it_learns_that_the_same_items_come_again():
    """Each user takes from four items of its own, drawn from 200 alike: no order and no count of all users tells them."""
    rng = np.random.default_rng(3)
    own = np.stack([rng.choice(200, 4, replace=False) for _ in range(80)])
    user, period = np.repeat(np.arange(80), 16), np.tile(np.arange(16), 80)
    item = own[user, rng.integers(4, size=len(user))]
    hits = []
    for repeats in (False, True):
        model = Transformer(**(SMALL | {"epochs": 8, "length": 8}), repeats=repeats)
        model.fit_events(user, item, period, rng=np.random.default_rng(1))
        best, _ = model.top_n(np.arange(80), 4, exclude_known=False)
        hits.append(np.mean([len(set(best[u]) & set(own[u])) / 4 for u in range(80)]))
    assert hits[1] > 0.9
    assert hits[1] > hits[0] + 0.2


def brute_followers(user, period):
    out = []
    for k, (u, p) in enumerate(zip(user, period, strict=True)):
        later = sorted({q for v, q in zip(user, period, strict=True) if v == u and q > p})
        if not later:
            out.append(-1)
            continue
        mine = [j for j, (v, q) in enumerate(zip(user, period, strict=True)) if v == u and q == p]
        following = [j for j, (v, q) in enumerate(zip(user, period, strict=True)) if v == u and q == later[0]]
        out.append(following[mine.index(k) % len(following)])
    return out


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=25))
@settings(deadline=None)
def test_followers_are_events_of_the_next_period(events):
    user, period = np.array(sorted(events), np.int64).T
    assert followers(user, period).tolist() == brute_followers(user.tolist(), period.tolist())
    bands = since(user, period)
    new = np.append(True, np.diff(user) != 0)
    assert np.all(bands[new] == 0)
    assert np.all((bands[~new] == 0) == (np.diff(period) == 0)[~new[1:]])


def test_events_of_a_period_are_shuffled_and_nothing_else():
    events = np.array([[0, 0, 0, 0, 1, 1], [1, 2, 3, 4, 5, 6], [1, 1, 1, 2, 1, 1]])
    seen = {tuple(events[1, shuffled(events, seed)]) for seed in range(100)}
    assert len(seen) == 12
    for items in seen:
        assert sorted(items[:3]) == [1, 2, 3]
        assert items[3] == 4
        assert sorted(items[4:]) == [5, 6]


def test_rows_hold_every_target_once_and_no_row_is_longer_than_the_limit():
    user, item, period = chain(users=7, events=30)
    model = Transformer(**SMALL)
    taken = Taken.of_events(user, item, period, 100)
    rows, last = model.training_rows(taken, 0)
    c = rows.columns
    assert c["item"].shape == (21, 12)
    assert (c["target"] > 0).sum() == 7 * 29
    there = c["target"] > 0
    np.testing.assert_array_equal(c["target"][there] - 1, (c["item"][there] - 1 + 1) % 12)
    assert np.all(last >= 3 + 5)
    assert last.max() == period.max()


def test_the_sampled_softmax_is_the_whole_one_on_average():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(3, 50)))
    chance = torch.from_numpy(rng.dirichlet(np.ones(50)))
    target = torch.tensor([4, 10, 49])
    whole = logits.logsumexp(1) - logits[torch.arange(3), target]
    torch.manual_seed(0)
    drawn = torch.multinomial(chance, 300_000, replacement=True)
    own = logits[torch.arange(3), target]
    found = sampled_softmax(own, logits[:, drawn], drawn == target[:, None], chance.log()[drawn])
    np.testing.assert_allclose(found, whole, atol=0.02)
    small = torch.stack(
        [
            sampled_softmax(own, logits[:, d], d == target[:, None], chance.log()[d])
            for d in torch.multinomial(chance, 20_000 * 8, replacement=True).view(-1, 8)
        ]
    )  # the sum in the denominator is unbiased whatever is drawn
    np.testing.assert_allclose(small.exp().mean(0), whole.exp(), rtol=0.05)


def net(length=6, *, repeats=False):
    torch.manual_seed(1)
    category = np.array([0, 1, 1, 2, 2, 3, 3, 0, 1, 2])
    made = TransformerNet(
        np.full(9, 1 / 9), category, factors=8, length=length, layers=2, heads=2, dropout=0.0, times=True, repeats=repeats,
        negatives=20,
    )  # fmt: skip
    return made.double().eval()


def test_no_state_sees_what_comes_later_and_padding_changes_nothing():
    made = net()
    item = torch.tensor([[1, 2, 3, 4, 5, 6]])
    gap = torch.tensor([[0, 1, 2, 0, 1, 3]])
    states = made.states(item, gap)
    changed = made.states(torch.tensor([[1, 2, 3, 9, 8, 7]]), torch.tensor([[0, 1, 2, 4, 4, 4]]))
    np.testing.assert_array_equal(states[0, :3].detach(), changed[0, :3].detach())
    assert not torch.allclose(states[0, 3:], changed[0, 3:])
    short = made.states(torch.tensor([[1, 2, 3, 0, 0, 0]]), torch.tensor([[0, 1, 2, 0, 0, 0]]))
    np.testing.assert_array_equal(states[0, :3].detach(), short[0, :3].detach())


def test_attention_by_hand():
    made = net().blocks[0].attention
    x = torch.randn(1, 4, 8, dtype=torch.float64)
    found = made(x, torch.ones(4, 4, dtype=torch.bool).triu(1))[0].detach().numpy()
    q, k, v = (f(x)[0].detach().numpy() for f in (made.query, made.key, made.value))
    for t in range(4):
        heads = []
        for h in (slice(0, 4), slice(4, 8)):
            weight = np.exp(k[: t + 1, h] @ q[t, h] / 2)
            heads.append(weight / weight.sum() @ v[: t + 1, h])
        expected = made.out(torch.from_numpy(np.concatenate(heads))).detach().numpy()
        np.testing.assert_allclose(found[t], expected, rtol=1e-10)


def test_a_rows_loss_is_the_sum_over_its_events():
    made = net()
    batch = {
        "item": torch.tensor([[1, 2, 3, 4, 0, 0], [5, 0, 0, 0, 0, 0]]),
        "target": torch.tensor([[2, 3, 4, 5, 0, 0], [6, 0, 0, 0, 0, 0]]),
        "since": torch.zeros(2, 6, dtype=torch.int64),
    }
    each = made.parts(batch) * made.length
    assert each.shape == (2, 4)
    assert each[1, 1:].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(made.losses(batch).detach(), each.sum(1).detach() / 6)
    alone = made.losses({name: value[1:] for name, value in batch.items()})
    np.testing.assert_allclose(made.losses(batch)[1].item(), alone[0].item(), rtol=1e-12)


def test_of_a_history_beyond_the_limit_only_repeats_are_known():
    user, item, period = chain()
    for repeats in (False, True):
        model = Transformer(**SMALL, repeats=repeats).fit_events(user, item, period, rng=np.random.default_rng(1))
        long, short = np.r_[[5] * 4, 11, 0:12], np.r_[11, 0:12]
        of_long, of_short = (
            model.knowing(np.zeros(len(own), int), own, 20 - np.arange(len(own))[::-1]).catalogue(np.array([0]))[0]
            for own in (long, short)
        )
        assert np.flatnonzero(of_long != of_short).tolist() == ([5] if repeats else [])


def test_items_never_seen_and_users_of_one_period():
    user, item, period = chain()
    model = Transformer(**SMALL).fit_events(user, item, period, rng=np.random.default_rng(1))
    twin = model.knowing(np.array([0, 0]), np.array([999, 3]), np.array([1, 2]))
    best, _ = twin.top_n(np.array([0]), 3)
    assert best.shape == (1, 3)
    with pytest.raises(InputError, match="took something in two periods"):
        Transformer(**SMALL).fit_events(np.arange(5), np.arange(5), np.zeros(5, int), rng=np.random.default_rng(1))
