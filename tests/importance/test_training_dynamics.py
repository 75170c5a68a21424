"""Training dynamics by their definitions, from what a net says of every row before each step."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from assay.deep.rows import ArrayRows  # noqa: E402
from assay.deep.training import Schedule, Watcher, train  # noqa: E402
from assay.importance.training_dynamics import AreaUnderMargin, El2n, Forgetting, TrainingDynamics  # noqa: E402
from assay.models.dcn import Dcn  # noqa: E402
from assay.numerics.measures import auc  # noqa: E402
from assay.testing.data import make_samples  # noqa: E402
from assay.testing.valuers import ValuerTests  # noqa: E402
from assay.trials.verify import planted  # noqa: E402
from tests.deep.nets import dcn  # noqa: E402
from tests.importance.test_gradients import SMALL, fitted  # noqa: E402


class OfDynamics(ValuerTests):
    def data(self):
        return fitted()

    def test_permuting_rows_permutes_values(self):
        """Not so: the order of the rows is the order of the steps."""


class TestEl2n(OfDynamics):
    def make(self):
        return El2n()


class TestForgetting(OfDynamics):
    def make(self):
        return Forgetting()


class TestAreaUnderMargin(OfDynamics):
    def make(self):
        return AreaUnderMargin()


class Predictions(Watcher):
    """(passes, n) log-odds of label 1 just before each row's step."""

    def begin(self, net, rows, schedule):
        self.margin = np.full((schedule.epochs, len(rows)), np.nan)

    def before(self, step):
        with torch.no_grad():
            self.margin[step.epoch, step.batch["row"].cpu()] = step.net.margins(step.batch).cpu().numpy()


def test_by_the_definition():
    net, batch = dcn(30)
    label = batch["label"].numpy().astype(int)
    rows = ArrayRows({name: value.numpy() for name, value in batch.items()})
    predictions, watcher = Predictions(), TrainingDynamics(early=2)
    train(net, rows, None, Schedule(6, 7, 0.2), name="dcn", seed=3, watchers=[predictions, watcher])
    p = 1 / (1 + np.exp(-predictions.margin))
    both = np.stack([1 - p, p], 2)
    length = np.linalg.norm(both - np.eye(2)[label], axis=2)
    np.testing.assert_allclose(watcher.el2n(), length[:2].mean(0), rtol=1e-9)
    margin = np.where(label == 1, 1, -1) * predictions.margin
    np.testing.assert_allclose(watcher.area_under_margin(), margin.mean(0), rtol=1e-3)  # losses near 0 have few digits
    right = (p > 0.5) == (label == 1)
    forgotten = (right[:-1] & ~right[1:]).sum(0)
    assert forgotten.max() > 0
    never = ~right.any(0)
    np.testing.assert_array_equal(watcher.forgetting(), np.where(never, 7, forgotten))


@pytest.mark.parametrize("kind", [El2n, Forgetting, AreaUnderMargin])
def test_wrong_labels_are_found(kind):
    train_samples, wrong = planted(make_samples(6_000).split("train"), "flipped labels", 0.1, 3)
    model = Dcn(**SMALL).fit(train_samples, rng=np.random.default_rng(1))
    found = kind().value(train_samples, train_samples, model=model, utility="", folds=2, rng=np.random.default_rng(2))
    assert auc(wrong, -found.value, np.ones(len(wrong))) > 0.65


def test_what_is_never_learnt_counts_most():
    net, batch = dcn(30)
    right = (torch.sigmoid(net.margins(batch)) > 0.5).double() == batch["label"]
    rows, watcher = ArrayRows({name: value.numpy() for name, value in batch.items()}), TrainingDynamics()
    train(net, rows, None, Schedule(3, 7, 1e-12), name="dcn", seed=3, watchers=[watcher])
    np.testing.assert_array_equal(watcher.forgetting(), np.where(right, 0, 4))


def test_rows_that_were_not_seen_are_0():
    watcher = TrainingDynamics(count=5)
    net, batch = dcn(3)
    rows = ArrayRows({name: value.numpy() for name, value in batch.items()} | {"row": np.array([4, 0, 2])})
    train(net, rows, None, Schedule(2, 2, 0.1), name="dcn", seed=3, watchers=[watcher])
    for found in (watcher.el2n(), watcher.forgetting(), watcher.area_under_margin()):
        assert found.shape == (5,)
        assert found[[1, 3]].tolist() == [0, 0]
