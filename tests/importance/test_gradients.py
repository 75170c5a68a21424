"""TracIn against gradients made row by row; its folds, weights and utilities; what it is for."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from assay.deep.rows import ArrayRows  # noqa: E402
from assay.errors import InputError  # noqa: E402
from assay.importance.gradients import TracIn, tracin  # noqa: E402
from assay.importance.utilities import parse  # noqa: E402
from assay.models.dcn import Dcn  # noqa: E402
from assay.models.logistic import LogisticRegression  # noqa: E402
from assay.testing.data import make_samples  # noqa: E402
from assay.testing.valuers import ValuerTests  # noqa: E402
from assay.trials.verify import planted  # noqa: E402
from tests.deep.nets import ALL, dcn, row_gradients  # noqa: E402

SMALL = {"factors": 4, "crosses": 1, "hidden": 8, "rare": 5, "rate": 0.01, "batch": 256, "epochs": 3}
FITTED = {}


def fitted(n=3_000):
    if n not in FITTED:
        samples = make_samples(n)
        train = samples.split("train")
        FITTED[n] = train, samples.split("validation"), Dcn(**SMALL).fit(train, rng=np.random.default_rng(1))
    return FITTED[n]


class TestTracIn(ValuerTests):
    def make(self):
        return TracIn()

    def data(self):
        return fitted()


def checkpoints(net, count=2):
    torch.manual_seed(8)
    states = [{n: p + 0.1 * k * torch.randn_like(p) for n, p in net.state_dict().items()} for k in range(count)]
    return [(0.1 * (k + 1), state) for k, state in enumerate(states)]


def as_rows(batch, weight=None):
    columns = {name: value.numpy() for name, value in batch.items()}
    return ArrayRows(columns if weight is None else columns | {"weight": weight})


@pytest.mark.parametrize("name", sorted(ALL))
def test_by_the_definition(name):
    net, batch = ALL[name]()
    rows = len(next(iter(batch.values())))
    weight, fold = np.linspace(0, 2, rows), np.arange(rows) % 2
    states = checkpoints(net)
    before = {n: p.clone() for n, p in net.state_dict().items()}
    found = tracin(net, as_rows(batch, weight), as_rows(batch), states, folds=fold)
    assert all(torch.equal(p, before[n]) for n, p in net.state_dict().items())
    expected = np.zeros((2, rows))
    for step, state in states:
        net.load_state_dict(state)
        each = row_gradients(net, batch)
        flat = torch.cat([g.flatten(1) for g in each.values()], 1).numpy()
        for k in range(2):
            expected[k] += step * weight * (flat @ flat[fold == k].mean(0))
    np.testing.assert_allclose(found.per_fold, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(found, expected.mean(0), rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_a_ranking_utility_is_the_slope_of_its_surrogate():
    net, batch = dcn(12)
    request = np.arange(12) // 4
    batch["label"] = torch.tensor([1, 0, 0, 1] * 3).double()
    found = tracin(net, as_rows(batch), as_rows(batch), [(1.0, net.state_dict())], utility="ndcg@3", request=request)
    margins = net.margins(batch)
    slopes = parse("ndcg@3").slopes(margins.detach().numpy(), batch["label"].numpy(), np.ones(12), request)
    whole = torch.autograd.grad((torch.from_numpy(slopes) * margins).sum(), list(net.parameters()))
    direction = torch.cat([g.flatten() for g in whole]).numpy()
    flat = torch.cat([g.flatten(1) for g in row_gradients(net, batch).values()], 1).numpy()
    np.testing.assert_allclose(found, flat @ direction, rtol=1e-9)


def test_wrong_labels_are_worth_less():
    samples = make_samples(6_000)
    train, wrong = planted(samples.split("train"), "flipped labels", 0.1, 3)
    model = Dcn(**SMALL).fit(train, rng=np.random.default_rng(1))
    found = TracIn().value(
        train, samples.split("validation"), model=model, utility="log_loss", folds=3, rng=np.random.default_rng(2)
    )
    place = np.empty(len(train))
    place[found.order()] = np.arange(len(train))
    assert place[wrong].mean() < 0.75 * place[~wrong].mean()


def test_what_it_refuses():
    train, validation, _ = fitted()
    rng = np.random.default_rng(0)
    other = LogisticRegression(3.0).fit(train, rng=rng)
    with pytest.raises(InputError, match=r"tracin needs a model of samples that is trained by gradient steps .*not 'logistic'"):
        TracIn().value(train, validation, model=other, utility="log_loss", folds=2, rng=rng)
    with pytest.raises(InputError, match="dcn: not fitted"):
        TracIn().value(train, validation, model=Dcn(), utility="log_loss", folds=2, rng=rng)
    net, batch = ALL["two_tower"]()
    with pytest.raises(InputError, match="no margins"):
        tracin(net, as_rows(batch), as_rows(batch), [(1.0, net.state_dict())], utility="auc")
