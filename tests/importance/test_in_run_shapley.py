"""In-run Shapley values against the formula of every step, and against all subsets of a batch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from assay.deep.rows import ArrayRows, moved  # noqa: E402
from assay.deep.training import Net, Schedule, Watcher, train  # noqa: E402
from assay.importance.in_run_shapley import InRunShapley, InRunShapleyValuer  # noqa: E402
from assay.testing.valuers import ValuerTests  # noqa: E402
from tests.deep.nets import ALL, row_gradients  # noqa: E402
from tests.importance.games import semivalue, subsets  # noqa: E402
from tests.importance.test_gradients import fitted  # noqa: E402


class TestInRunShapley(ValuerTests):
    def make(self):
        return InRunShapleyValuer()

    def data(self):
        return fitted()

    def test_permuting_rows_permutes_values(self):
        """Not so: the order of the rows is the order of the steps."""


class Quadratic(Net):
    """A squared loss of a linear prediction: to second order nothing is left out."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def losses(self, batch):
        return (self.layer(batch["x"])[:, 0] - batch["y"]) ** 2


def quadratic(rows, seed):
    rng = np.random.default_rng(seed)
    return ArrayRows({"x": rng.normal(size=(rows, 3)), "y": rng.normal(size=rows), "weight": rng.uniform(0.2, 2, rows)})


def test_a_steps_values_are_its_games_over_all_subsets():
    torch.manual_seed(0)
    net, rows, held = Quadratic().double(), quadratic(6, 1), quadratic(5, 2)
    start = {n: p.clone() for n, p in net.state_dict().items()}
    gradients = row_gradients(net, next(rows.batches(6, None)))

    def loss_at(moved):
        net.load_state_dict(moved)
        batch = next(held.batches(5, None))
        return float((batch["weight"] * net.losses(batch)).sum() / batch["weight"].sum())

    rate, weight, utility = 0.3, rows.columns["weight"], []
    for inside in subsets(6):
        share = torch.from_numpy(inside * weight / 6)
        moved = {n: p - rate * torch.einsum("b,b...->...", share, gradients[n]) for n, p in start.items()}
        utility.append(loss_at(start) - loss_at(moved))
    net.load_state_dict(start)
    found = {}
    for order in (1, 2):
        net.load_state_dict(start)
        watcher = InRunShapley(held, order=order, sample=5)
        train(net, rows, None, Schedule(1, 6, rate, optimizer="sgd"), name="quadratic", seed=0, watchers=[watcher])
        found[order] = np.asarray(watcher.values())
    np.testing.assert_allclose(found[2], semivalue(np.array(utility), 6), rtol=1e-9)
    assert np.abs(found[1] - found[2]).max() > 1e-3
    assert found[2].sum() == pytest.approx(utility[-1], rel=1e-9)


@pytest.mark.slow
def test_some_steps_tell_the_same_on_average():
    net, batch = ALL["dcn"](24)
    rows = ArrayRows({name: value.numpy() for name, value in batch.items()})
    start = {n: p.clone() for n, p in net.state_dict().items()}

    def values(share, seed):
        net.load_state_dict(start)
        watcher = InRunShapley(rows, sample=24, share=share, seed=seed)
        train(net, rows, None, Schedule(20, 8, 0.05, optimizer="sgd"), name="dcn", seed=0, watchers=[watcher])
        return np.asarray(watcher.values())

    every, some = values(1.0, 0), np.array([values(0.3, seed) for seed in range(40)])
    error = some.std(axis=0) / np.sqrt(len(some))
    assert np.all(np.abs(some.mean(axis=0) - every) < 5 * error)
    assert (some == 0).mean() < 0.05  # of 20 passes
    with pytest.raises(ValueError, match="share is 0"):
        InRunShapley(rows, share=0)


class Formula(Watcher):
    """First order, step by step, from gradients made row by row."""

    def __init__(self, held, members, seed, sample):
        self.held, self.members, self.seed, self.sample = held, members, seed, sample
        self.found = None

    def begin(self, net, rows, schedule):
        self.found = np.zeros((len(self.members), len(rows)))

    def before(self, step):
        k = step.number % len(self.members)
        rng = np.random.default_rng([self.seed, step.number])
        some = np.sort(rng.choice(self.members[k], min(self.sample, len(self.members[k])), replace=False))
        net = step.net
        net.eval()
        held = moved(next(self.held.take(some).batches(len(some), None)), step.batch["weight"].device)
        loss = net.losses(held).mean()
        slope = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
        slope = [torch.zeros_like(p) if g is None else g for p, g in zip(net.parameters(), slope, strict=True)]
        each = row_gradients(net, {n: v for n, v in step.batch.items() if n not in ("weight", "row")})
        net.train()
        scales = []
        for p in net.parameters():
            state = step.optimizer.state.get(p, {})
            if "exp_avg_sq" in state:
                scales.append(1 / ((state["exp_avg_sq"] / (1 - 0.999 ** float(state["step"]))).sqrt() + 1e-8))
            else:
                scales.append(torch.ones_like(p))
        dots = sum((e * (s * g)).flatten(1).sum(1) for e, s, g in zip(each.values(), scales, slope, strict=True))
        value = step.rate / len(dots) * step.batch["weight"] * dots
        self.found[k][step.batch["row"].cpu().numpy()] += len(self.members) * value.cpu().numpy()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", sorted(ALL))
def test_a_whole_training_is_the_sum_of_its_steps(name, optimizer, monkeypatch):
    net, batch = ALL[name](12)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    _, other = ALL[name](7)

    def alike(chance, _, *, always_the_same):
        """Negatives that both draw."""
        return torch.arange(5, device=chance.device)

    for module in ("next_item", "two_tower"):
        monkeypatch.setattr(f"assay.models.{module}.drawn_columns", alike)
    rows = ArrayRows({n: v.numpy() for n, v in batch.items()} | {"weight": np.linspace(0.5, 1.5, 12)})
    held = ArrayRows({n: v.numpy() for n, v in other.items()})
    fold = np.arange(7) % 2
    watcher = InRunShapley(held, folds=fold, sample=3, seed=4)
    formula = Formula(held, [np.flatnonzero(fold == k) for k in range(2)], 4, 3)
    schedule = Schedule(3, 5, 0.05, optimizer=optimizer)
    train(net, rows, None, schedule, name=name, seed=1, watchers=[formula, watcher])
    np.testing.assert_allclose(watcher.values().per_fold, formula.found, rtol=1e-7, atol=1e-9 * np.abs(formula.found).max())


def test_watching_changes_nothing_of_the_training():
    for order in (1, 2):
        nets = []
        for watched in (False, True):
            net, batch = ALL["transformer"](10)
            rows = ArrayRows({n: v.numpy() for n, v in batch.items()})
            watchers = [InRunShapley(rows, order=order, sample=4)] if watched else []
            train(net, rows, None, Schedule(2, 4, 0.01), name="t", seed=1, watchers=watchers)
            nets.append(net.state_dict())
        assert all(torch.equal(nets[0][n], nets[1][n]) for n in nets[0])


def test_what_it_refuses():
    with pytest.raises(ValueError, match="order is 3; give 1 or 2"):
        InRunShapley(quadratic(3, 0), order=3)
