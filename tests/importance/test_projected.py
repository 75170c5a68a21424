"""TRAK against its formula on gradients made row by row; against retraining, where more checkpoints must tell more."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scipy import stats  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402

from assay.deep.projection import signs  # noqa: E402
from assay.errors import InputError  # noqa: E402
from assay.importance.influence import influence  # noqa: E402
from assay.importance.projected import Trak, trak  # noqa: E402
from assay.models.dcn import Dcn  # noqa: E402
from assay.models.logistic import LogisticRegression  # noqa: E402
from assay.models.neural import exact  # noqa: E402
from assay.models.scorer import Training  # noqa: E402
from assay.numerics.glm import fit  # noqa: E402
from assay.testing.data import make_samples  # noqa: E402
from assay.testing.valuers import ValuerTests  # noqa: E402
from assay.trials.verify import planted  # noqa: E402
from tests.deep.nets import ALL, dcn, row_gradients  # noqa: E402
from tests.deep.test_projection import written_out  # noqa: E402
from tests.importance.test_gradients import SMALL, as_rows, checkpoints, fitted  # noqa: E402


class TestTrak(ValuerTests):
    tolerance = 1e-7  # projections are in single precision

    def make(self):
        return Trak()

    def data(self):
        return fitted()


def test_single_precision_is_as_good_as_double():
    train, validation, model = fitted()
    asked = {"utility": "log_loss", "folds": 4}
    single = Trak().value(train, validation, model=model, rng=np.random.default_rng(3), **asked)
    double = copy.copy(model)
    double.net_ = exact(model.net())
    found = Trak().value(train, validation, model=double, rng=np.random.default_rng(3), **asked)
    np.testing.assert_allclose(single.value, found.value, rtol=0, atol=1e-6 * np.abs(found.value).max())


def test_by_the_definition():
    net, batch = dcn(12)
    weight, fold = np.linspace(0, 2, 12), np.arange(12) % 2
    states = [state for _, state in checkpoints(net)]
    found = trak(net, as_rows(batch, weight), as_rows(batch), states, directions=6, damping=0.01, folds=fold, seed=3)
    y, moved, residual = batch["label"].numpy(), np.zeros((2, 12)), np.zeros(12)
    for k, state in enumerate(states):
        net.load_state_dict(state)
        each, directions = row_gradients(net, batch, "margins"), written_out(signs(net, 6, 3 + k), net, 6)
        phi = sum(each[n].flatten(1) @ directions[n].flatten(1).T for n in directions).numpy()
        p = torch.sigmoid(net.margins(batch)).detach().numpy()
        H = phi.T @ (phi * (weight * p * (1 - p))[:, None])
        H += 0.01 * np.trace(H) / 6 * np.eye(6)
        for f in range(2):
            g = phi[fold == f].T @ (p - y)[fold == f] / np.sum(fold == f)
            moved[f] += phi @ np.linalg.inv(H) @ g / 2
        residual += weight * (p - y) / 2
    np.testing.assert_allclose(found.per_fold, moved * residual, rtol=1e-7, atol=1e-12)


def test_on_a_linear_net_it_is_influence():
    """With as many directions as numbers bear, the projected system is the logistic regression's own."""
    rng = np.random.default_rng(1)
    X, X_val = rng.normal(size=(200, 3)), rng.normal(size=(90, 3))
    y, y_val = ((part @ [1, -1, 0.5] + rng.normal(size=len(part)) > 0).astype(np.int8) for part in (X, X_val))
    net = ALL["dcn"]()[0]

    class Linear(type(net)):
        def __init__(self):
            torch.nn.Module.__init__(self)
            self.head = torch.nn.Linear(3, 1)

        def margins(self, batch):
            return self.head(batch["numbers"])[:, 0]

    linear = Linear().double()
    one = np.concatenate([X, np.ones((200, 1))], 1)
    coef = fit(one, y, l2=1e-3).coef
    with torch.no_grad():
        linear.head.weight[0], linear.head.bias[0] = torch.tensor(coef[:3]), torch.tensor(coef[3])
    given = [as_rows({"numbers": torch.tensor(a), "label": torch.tensor(b).double()}) for a, b in ((X, y), (X_val, y_val))]
    found = trak(linear, *given, [linear.state_dict()], directions=4, damping=1e-6)
    val = np.concatenate([X_val, np.ones((90, 1))], 1)
    expected = influence(one, y, val, y_val, l2=1e-3, coef=coef, leverage="none")
    assert np.corrcoef(found, expected)[0, 1] > 0.99
    assert 0.9 < np.polyfit(expected, found, 1)[0] < 1.1


@pytest.mark.slow
def test_more_checkpoints_say_more_of_retraining():
    """Linear datamodeling score, on half the rows 30 times over."""
    samples = make_samples(2_400)
    train, held = samples.split("train"), samples.split("validation")
    net = Dcn(**(SMALL | {"epochs": 8})).fit(train, rng=np.random.default_rng(1))

    def fitted_on(weight, seed):
        training = Training(passes=8)
        return net.fresh().fit(train.with_weight(weight), rng=np.random.default_rng(seed), training=training)

    rng = np.random.default_rng(5)
    kept = rng.random((30, len(train))) < 0.5
    utility = [-np.mean([log_loss(held.label, fitted_on(part * 1.0, s).predict(held)) for s in (1, 2)]) for part in kept]
    states = [fitted_on(np.ones(len(train)), seed).checkpoints_[-1][1] for seed in range(6)]

    def score(some):
        found = trak(exact(net.net()), net.rows(train), net.rows(held), some, directions=64)
        return stats.spearmanr(kept @ found, utility).statistic

    every = score(states)
    assert every > np.mean([score([one]) for one in states])
    assert every > 0.3


def test_wrong_labels_are_worth_less():
    samples = make_samples(6_000)
    train, wrong = planted(samples.split("train"), "flipped labels", 0.1, 3)
    model = Dcn(**SMALL).fit(train, rng=np.random.default_rng(1))
    rng = np.random.default_rng(2)
    found = Trak().value(train, samples.split("validation"), model=model, utility="log_loss", folds=3, rng=rng)
    place = np.empty(len(train))
    place[found.order()] = np.arange(len(train))
    assert place[wrong].mean() < 0.9 * place[~wrong].mean()


def test_what_it_refuses():
    train, validation, _ = fitted()
    rng = np.random.default_rng(0)
    other = LogisticRegression(3.0).fit(train, rng=rng)
    with pytest.raises(InputError, match="trak needs a model of samples that is trained by gradient steps"):
        Trak().value(train, validation, model=other, utility="log_loss", folds=2, rng=rng)
    net, batch = ALL["two_tower"]()
    with pytest.raises(InputError, match="margins of two classes; use tracin"):
        trak(net, as_rows(batch), as_rows(batch), [net.state_dict()])
