"""DCN-v2: the conformance of models; its crosses by hand; stops early, resumes, and refuses what is of another model."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from assay.models import named

torch = pytest.importorskip("torch")

from assay.deep.rows import ArrayRows  # noqa: E402
from assay.errors import InputError  # noqa: E402
from assay.models.dcn import Dcn, DcnNet  # noqa: E402
from assay.models.scorer import Training  # noqa: E402
from assay.testing.data import make_samples  # noqa: E402
from assay.testing.models import ScorerTests  # noqa: E402

SMALL = {"factors": 4, "crosses": 2, "hidden": 8, "rare": 5, "rate": 0.01, "batch": 256, "epochs": 3}


class TestDcn(ScorerTests):
    def make(self):
        return Dcn(**SMALL)


def fitted(samples, **settings):
    return Dcn(**(SMALL | settings)).fit(samples.split("train"), rng=np.random.default_rng(1))


def test_the_net_by_hand():
    torch.manual_seed(0)
    net = DcnNet([3, 2], 2, factors=2, crosses=2, hidden=4).double()
    batch = {"codes": torch.tensor([[2, 4], [0, 3]]), "numbers": torch.tensor([[0.5, -1.0], [0.0, 1.0]])}
    weight = {name: value.detach().numpy() for name, value in net.named_parameters()}
    for row in range(2):
        x0 = np.concatenate([weight["table.weight"][batch["codes"][row]].ravel(), batch["numbers"][row].numpy()])
        x = x0
        for k in range(2):
            x = x0 * (weight[f"crosses.{k}.weight"] @ x + weight[f"crosses.{k}.bias"]) + x
        h = np.maximum(weight["first.weight"] @ x0 + weight["first.bias"], 0)
        h = np.maximum(weight["second.weight"] @ h + weight["second.bias"], 0)
        margin = weight["head.weight"][0] @ np.concatenate([x, h]) + weight["head.bias"][0]
        np.testing.assert_allclose(net.margins(batch)[row].item(), margin, rtol=1e-12)


def test_its_head_reads_its_representation():
    samples = make_samples(2_000)
    model, test = fitted(samples), samples.split("test")
    head = model.head()
    margin = model.represent(test) @ head[:-1] + head[-1]
    np.testing.assert_allclose(1 / (1 + np.exp(-margin)), model.predict(test), rtol=1e-9)


def test_rows_stand_in_the_order_of_samples_and_unseen_levels_are_rare_ones():
    samples = make_samples(2_000)
    model = fitted(samples)
    test = samples.split("test")
    batch = next(model.rows(test).batches(len(test), None))
    assert batch["row"].tolist() == list(range(len(test)))
    np.testing.assert_array_equal(batch["label"].numpy(), test.label)
    strange = test.take(np.arange(1))
    renamed = strange.features.set_column(
        strange.features.column_names.index("category"), "category", test.features.column("brand").slice(0, 1)
    )
    codes = model.fields_.encode(renamed)["codes"][0]
    at = list(model.fields_.levels).index("category")
    assert codes[at] == sum(model.fields_.sizes[:at])


def test_early_stopping_looks_at_the_last_periods_and_checkpoints_are_of_the_last_fit():
    samples = make_samples(3_000)
    model = fitted(samples, epochs=8)
    later = [line.later for line in model.passes_]
    best = int(np.argmin(later)) + 1
    assert len(later) <= best + 1  # patience of one
    assert len(model.checkpoints_) == best
    rate, state = model.checkpoints_[-1]
    assert rate == SMALL["rate"]
    for name, value in model.net().state_dict().items():
        assert torch.equal(value, state[name])


@pytest.mark.slow
def test_files_teach_as_memory_does_without_holding_it(tmp_path):
    samples = make_samples(4_000)
    for k, part in enumerate((samples.take(np.arange(1_500)), samples.take(np.arange(1_500, 4_000)))):
        pq.write_table(part.table(), tmp_path / f"{k}.parquet", row_group_size=600)
    model = Dcn(**SMALL).fit_files(sorted(tmp_path.iterdir()), rng=np.random.default_rng(1))
    inside, test = fitted(samples), samples.split("test")
    assert model.fields_ == inside.fields_
    losses = [-np.log(np.abs(1 - test.label - m.predict(test))).mean() for m in (model, inside)]
    assert abs(losses[0] - losses[1]) < 0.03
    few = samples.with_weight(np.where(samples.keys["split"].to_numpy() == "train", 1.0, 1e9))
    pq.write_table(few.table(), tmp_path / "all.parquet", row_group_size=600)
    one = [Dcn(**SMALL).fit_files([tmp_path / "all.parquet"], rng=np.random.default_rng(1)) for _ in range(2)]
    np.testing.assert_array_equal(one[0].predict(test), one[1].predict(test))
    assert one[0].predict(test).mean() < 0.9  # weights of other splits play no part
    with pytest.raises(InputError, match="no row of the files is of the split 'nonesuch'"):
        Dcn(**SMALL).fit_files([tmp_path / "all.parquet"], rng=np.random.default_rng(1), split="nonesuch")


class Killed:
    """A report that counts steps, and kills the fit after so many."""

    def __init__(self, after=None):
        self.after, self.steps = after, 0

    def __call__(self, words, done, total):
        self.steps += done > 0
        if done and self.steps == self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [0.05, 0.2, 0.4, 0.65, 0.95])  # of all steps: in early stopping, and when all is learnt from
def test_a_killed_fit_goes_on_and_ends_the_same(tmp_path, after):
    train = make_samples(2_000).split("train")

    def fit(**told):
        return Dcn(**SMALL).fit(train, rng=np.random.default_rng(1), training=Training(**told))

    every, left = Killed(), Killed()
    whole = fit(report=every)
    killed = Killed(round(after * every.steps))
    with pytest.raises(KeyboardInterrupt):
        fit(folder=tmp_path, report=killed)
    again = fit(folder=tmp_path, report=left)
    np.testing.assert_array_equal(again.predict(train), whole.predict(train))
    assert 0 <= killed.steps + left.steps - every.steps <= np.ceil(len(train) / SMALL["batch"])  # one pass is lost at most


def test_progress_of_another_training_is_refused(tmp_path):
    train = make_samples(2_000).split("train")
    Dcn(**SMALL).fit(train, rng=np.random.default_rng(1), training=Training(folder=tmp_path))
    with pytest.raises(InputError, match=r"another training: rate was 0.01 and is 0.02"):
        Dcn(**(SMALL | {"rate": 0.02})).fit(train, rng=np.random.default_rng(1), training=Training(folder=tmp_path))


def test_a_checkpoint_of_other_features_is_refused(tmp_path):
    samples = make_samples(2_000)
    fitted(samples).save(tmp_path / "a")
    fitted(make_samples(2_000, features=["user", "item", "price"])).save(tmp_path / "b")
    (tmp_path / "b" / "weights.safetensors").replace(tmp_path / "a" / "weights.safetensors")
    with pytest.raises(InputError, match=r"of another model or of other features: crosses.0.bias"):
        named.load(tmp_path / "a")
    (tmp_path / "a" / "weights.safetensors").write_bytes(b"\x08\x00\x00")
    with pytest.raises(InputError, match="no safetensors file"):
        named.load(tmp_path / "a")
    with pytest.raises(InputError, match="have no feature 'department'"):
        fitted(samples).predict(make_samples(100, features=["user", "item", "price"]))


def test_a_loss_that_is_no_number_names_the_batch_and_keeps_the_weights(tmp_path):
    train = make_samples(2_000).split("train")
    weight = train.weight.copy()
    weight[123] = np.inf
    with pytest.raises(InputError, match=r"dcn: the loss is (inf|nan) in pass 1, batch \d+ of \d+.*lower the learning rate"):
        Dcn(**SMALL).fit(train.with_weight(weight), rng=np.random.default_rng(1), training=Training(folder=tmp_path))


def test_the_model_named_in_a_config_is_loaded_on_demand():
    from assay.config import Models

    assert isinstance(named.make("dcn", Models()), Dcn)
    assert ArrayRows({"x": np.zeros((3, 2))}).take(np.array([2])).columns["x"].shape == (1, 2)
