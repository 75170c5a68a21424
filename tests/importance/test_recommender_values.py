"""Values of what recommenders were asked for: against gradients of single losses, and back to samples."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from assay.deep.rows import ArrayRows  # noqa: E402
from assay.errors import InputError, SplitError  # noqa: E402
from assay.importance.gradients import TracIn, later, tracin  # noqa: E402
from assay.importance.in_run_shapley import InRunShapleyValuer  # noqa: E402
from assay.models.next_item import Transformer  # noqa: E402
from assay.models.two_tower import TwoTower  # noqa: E402
from assay.testing.data import make_samples  # noqa: E402
from assay.testing.valuers import ValuerTests  # noqa: E402
from tests.deep.nets import ALL  # noqa: E402

SETTINGS = {
    "transformer": {"factors": 8, "length": 8, "layers": 1, "negatives": 32, "rate": 0.01, "batch": 32, "epochs": 3},
    "two_tower": {"factors": 8, "length": 8, "hidden": 8, "negatives": 32, "rate": 0.01, "batch": 64, "epochs": 3},
}
KINDS = {"transformer": Transformer, "two_tower": TwoTower}
FITTED = {}


def fitted(name):
    if name not in FITTED:
        samples = make_samples(3_000)
        train = samples.split("train")
        model = KINDS[name](**SETTINGS[name]).fit(train, rng=np.random.default_rng(1))
        FITTED[name] = train, samples.split("validation"), model
    return FITTED[name]


class TestTracInOfTwoTowers(ValuerTests):
    def make(self):
        return TracIn()

    def data(self):
        return fitted("two_tower")


class TestTracInOfTheTransformer(ValuerTests):
    def make(self):
        return TracIn()

    def data(self):
        return fitted("transformer")


class TestInRunShapleyOfTwoTowers(ValuerTests):
    def make(self):
        return InRunShapleyValuer()

    def data(self):
        return fitted("two_tower")

    def test_permuting_rows_permutes_values(self):
        """Not so: the order of the rows is the order of the steps."""


def test_by_the_definition_part_by_part():
    net, batch = ALL["transformer"](4)
    held = {name: value.numpy() for name, value in batch.items()}
    asked = np.where(held["target"] > 0, np.arange(24).reshape(4, 6) % 7, -1)
    fold = np.array([0, 1, 1, 0])
    found = tracin(net, ArrayRows(held | {"asked": asked}), ArrayRows(held), [(0.3, net.state_dict())], folds=fold, events=7)

    def gradient(objective):
        made = torch.autograd.grad(objective, list(net.parameters()), retain_graph=True, allow_unused=True)
        return torch.cat(
            [torch.zeros(p.numel()).double() if g is None else g.flatten() for p, g in zip(net.parameters(), made, strict=True)]
        )

    losses, parts = net.losses(batch), net.parts(batch)
    expected = np.zeros((2, 7))
    for k in range(2):
        direction = gradient(losses[torch.from_numpy(fold == k)].mean())
        for b, t in zip(*np.nonzero(asked >= 0), strict=True):
            expected[k, asked[b, t]] += 0.3 * float(gradient(parts[b, t]) @ direction)
    np.testing.assert_allclose(found.per_fold, expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_rows_name_the_event_that_they_ask_for(name):
    _, _, model = fitted(name)
    user, column, _ = model.fitted().events
    rows = model.learnt_rows().columns
    asked, target = rows["asked"], rows["target"]
    assert len(asked) > 20
    there = asked >= 0
    np.testing.assert_array_equal(target[there], column[asked[there]] + 1)
    assert np.all(target[~there] == 0)
    of_row = np.broadcast_to(rows["user"].reshape(-1, *[1] * (asked.ndim - 1)), asked.shape)
    np.testing.assert_array_equal(of_row[there], user[asked[there]])


@pytest.mark.parametrize("name", sorted(KINDS))
def test_later_rows_ask_for_later_positives_alone(name):
    train, validation, model = fitted(name)
    known = np.isin(validation.item, model.fitted().item_codes)
    if name == "two_tower":  # it knows what was taken before all of these; the transformer what came before each
        known &= np.isin(validation.user, train.user[train.label > 0])
    expected = np.flatnonzero((validation.label > 0) & known)
    rows = model.held_rows(validation).columns
    asked = rows["target"] > 0
    of_row = np.broadcast_to(rows["user"].reshape(-1, *[1] * (asked.ndim - 1)), asked.shape)[asked]
    column = model.fitted().columns(validation.item)
    wanted = set(zip(validation.user[expected].tolist(), (column[expected] + 1).tolist(), strict=True))
    found = set(zip(of_row.tolist(), rows["target"][asked].tolist(), strict=True))
    assert found <= wanted
    # The transformer asks for as many of a basket as the one before had events.
    assert found == wanted or (name == "transformer" and len(found) > 0.5 * len(wanted))


def test_values_of_events_go_to_their_samples():
    train, _, model = fitted("two_tower")
    events = model.fitted().events
    given = np.random.default_rng(0).normal(size=(2, events.shape[1]))
    found = model.of_samples(given, train)
    assert found.shape == (2, len(train))
    assert np.all(found[:, train.label == 0] == 0)
    np.testing.assert_allclose(found.sum(axis=1), given.sum(axis=1), rtol=1e-9)
    row = int(np.flatnonzero(train.label > 0)[5])
    same = (train.user == train.user[row]) & (train.item == train.item[row]) & (train.period == train.period[row])
    same &= train.label > 0
    column = model.fitted().columns(train.item[[row]])[0]
    mine = (events[0] == train.user[row]) & (events[1] == column) & (events[2] == train.period[row])
    np.testing.assert_allclose(found[:, row], given[:, mine].sum(axis=1) / same.sum(), rtol=1e-12)


def test_what_cannot_be_valued_says_so():
    train, validation, model = fitted("transformer")
    arguments = {"model": model, "utility": "log_loss", "folds": 2, "rng": np.random.default_rng(0)}
    with pytest.raises(InputError, match=r"whose rows ask for one event each \(dcn, two_tower\), not 'transformer'"):
        InRunShapleyValuer().value(train, validation, **arguments)
    strangers = validation.take(validation.label == 0)
    with pytest.raises(SplitError, match="transformer: a fold of validation users took nothing that the model knows"):
        later(model, strangers, np.arange(len(strangers)) % 2)
