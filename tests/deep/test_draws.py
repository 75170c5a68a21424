"""Trainings draw numbers of their own: the caller's stay, watchers move none, and a step replayed meets the same masks."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from assay.deep.draws import PROCESSOR, Draws, left_alone, seed_draws  # noqa: E402
from assay.deep.ghost import gradient  # noqa: E402
from assay.deep.rows import ArrayRows, moved  # noqa: E402
from assay.deep.training import Schedule, Watcher, train  # noqa: E402
from assay.importance.in_run_shapley import InRunShapley  # noqa: E402
from assay.testing.randomness import random_states  # noqa: E402
from tests.deep.nets import ALL  # noqa: E402

PLACES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))]


def rows_of(batch):
    return ArrayRows({name: value.numpy() for name, value in batch.items()})


def dropout(net, share):
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
    return net


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ALL))
def test_training_leaves_the_callers_random_state_alone(name):
    net, batch = ALL[name](12)
    torch.manual_seed(77)
    torch.rand(3)
    before = random_states()
    watcher = InRunShapley(rows_of(batch), order=2, sample=4)
    train(net, rows_of(batch), rows_of(batch), Schedule(2, 5, 0.01), name=name, seed=1, watchers=[watcher])
    assert random_states() == before
    assert torch.initial_seed() == 77


@pytest.mark.slow
def test_a_training_that_fails_leaves_it_alone_too():
    net, batch = ALL["dcn"](12)

    class Stops(Watcher):
        def after(self, step, losses):
            raise KeyboardInterrupt

    before = random_states()
    with pytest.raises(KeyboardInterrupt):
        train(net, rows_of(batch), None, Schedule(1, 5), name="dcn", seed=1, watchers=[Stops()])
    assert random_states() == before


class Draws9(Watcher):
    """Draws, and seeds, wherever it is asked."""

    def before(self, step):
        torch.rand(9)

    def after(self, step, losses):
        torch.manual_seed(step.number)


def test_what_a_watcher_draws_moves_no_training():
    weights = []
    for watchers in ([], [Draws9()]):
        net, batch = ALL["transformer"](10)
        train(net, rows_of(batch), None, Schedule(2, 4, 0.01), name="t", seed=1, watchers=watchers)
        weights.append(net.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_masks_are_those_of_the_step_when_it_is_replayed(place, monkeypatch):
    """In the replay of a second-order value, with another watcher that draws in between."""
    monkeypatch.setattr("assay.deep.training.device", lambda: torch.device(place))
    net, batch = ALL["transformer"](12)
    dropout(net, 0.5)
    masks = []  # of every pass: the training's, and the replay's

    def keep(module, inputs, output):
        if module.training and module is net.dropout:
            masks.append((output == 0).cpu())

    net.dropout.register_forward_hook(keep)
    watchers = [Draws9(), InRunShapley(rows_of(batch), order=2, sample=4), Draws9()]
    train(net, rows_of(batch), None, Schedule(2, 4, 0.01, optimizer="sgd"), name="t", seed=1, watchers=watchers)
    assert len(masks) == 2 * 6
    for trained, replayed in zip(masks[::2], masks[1::2], strict=True):
        assert torch.equal(trained, replayed)
        assert 0.2 < trained.float().mean() < 0.8
    assert not torch.equal(masks[0], masks[2][: len(masks[0])])


class Whole(Watcher):
    """What a whole step does to the loss of all held rows, to second order: rate <G, g> - rate^2 / 2 G' H G."""

    def __init__(self, held):
        self.held, self.total = held, 0.0

    def after(self, step, losses):
        net = step.net
        net.eval()
        loss = net.losses(moved(self.held, step.batch["weight"].device)).mean()
        named = dict(net.named_parameters())
        slope = torch.autograd.grad(loss, list(named.values()), create_graph=True, allow_unused=True)
        taken = {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in named.items()}
        along = sum((g * taken[name]).sum() for name, g in zip(named, slope, strict=True) if g is not None)
        bent = sum((g * taken[name]).sum() for name, g in gradient(net, along).items())
        self.total += float(step.rate * along - 0.5 * step.rate**2 * bent)
        net.train()


@pytest.mark.parametrize("place", PLACES)
def test_second_order_values_add_up_to_what_the_steps_did(place, monkeypatch):
    """They do just where the rows' gradients are those that the step took, dropout and negatives included."""
    monkeypatch.setattr("assay.deep.training.device", lambda: torch.device(place))
    net, batch = ALL["transformer"](12)
    dropout(net, 0.5)
    held = {name: value[:5] for name, value in batch.items()}
    values, whole = InRunShapley(rows_of(held), order=2, sample=5), Whole(held | {"weight": torch.ones(5).double()})
    train(net, rows_of(batch), None, Schedule(3, 4, 0.3, optimizer="sgd"), name="t", seed=1, watchers=[values, whole])
    assert np.asarray(values.values()).sum() == pytest.approx(whole.total, rel=1e-9)


@pytest.mark.parametrize("place", PLACES)
def test_draws_come_again_and_leave_no_trace(place):
    here = torch.device(place)
    seed_draws(5, here)
    state = Draws.now(here)
    first, after = torch.rand(4, device=here), torch.rand(4, device=here)
    state.restore()
    assert torch.equal(torch.rand(4, device=here), first)
    with state.again():
        assert torch.equal(torch.rand(4, device=here), first)
        torch.rand(100, device=here)
    assert torch.equal(torch.rand(4, device=here), after)
    with left_alone(here):
        seed_draws(6, here)
    seed_draws(5, here)
    assert torch.equal(torch.rand(4, device=here), first)


def test_a_gpus_state_is_kept_and_restored_with_the_processors(monkeypatch):
    """Without a GPU: by what PyTorch is asked for."""
    state = {"cuda:1": torch.tensor([1], dtype=torch.uint8)}
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: state[str(device)].clone())
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda new, device: state.update({str(device): new}))
    place = torch.device("cuda", 1)
    kept = Draws.now(place)
    state["cuda:1"] = torch.tensor([2], dtype=torch.uint8)
    with kept.again():
        assert state["cuda:1"].tolist() == [1]
        state["cuda:1"] = torch.tensor([3], dtype=torch.uint8)
    assert state["cuda:1"].tolist() == [2]
    assert Draws.now(PROCESSOR).gpu is None
