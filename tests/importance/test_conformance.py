from functools import cache

import numpy as np
import pytest
from sklearn.metrics import log_loss

from assay.errors import InputError, SplitError
from assay.importance.influence import Influence
from assay.importance.named import OURS, make
from assay.importance.valuer import user_folds
from assay.testing.data import make_samples
from assay.testing.valuers import ValuerTests

LINEAR = ("influence", "self_score", "inclusion")
RETRAINING = ("leave_one_out", "shapley", "beta_shapley", "banzhaf")


@cache
def few():
    """A problem on which a model can be fitted hundreds of times."""
    train, validation, model = ValuerTests().data()
    train, validation = (part.take(np.arange(rows)) for part, rows in ((train, 8), (validation, 120)))
    return train, validation, model.fresh().fit(train, rng=np.random.default_rng(0))


OF_NETS = ("tracin", "trak", "last_layer_influence", "in_run_shapley", "el2n", "forgetting", "area_under_margin")  # elsewhere


OF_AMOUNTS = ("knn_shapley_regression",)  # in test_amounts


@pytest.fixture(params=sorted({*OURS} - {*OF_NETS, *OF_AMOUNTS}))
def name(request):
    return request.param


class TestEveryValuer(ValuerTests):
    @pytest.fixture(autouse=True)
    def _named(self, name):
        self.name = name

    def make(self):
        return make(self.name)

    def data(self):
        return few() if self.name in RETRAINING else super().data()


@pytest.mark.parametrize("name", RETRAINING)
def test_retraining_is_for_few_samples(name):
    train, validation, model = ValuerTests().data()
    with pytest.raises(InputError, match=f"{name} fits the model some 20 times for each of {len(train):,} samples"):
        make(name).value(train, validation, model=model, utility="log_loss", folds=3, rng=np.random.default_rng(0))


def test_leave_one_out_is_what_retraining_says():
    train, validation, model = few()
    found = make("leave_one_out").value(train, validation, model=model, utility="log_loss", folds=2, rng=np.random.default_rng(0))
    fold = user_folds(validation, 2, int(np.random.default_rng(0).integers(2**31)))

    def utility(fitted, k):
        part = validation.take(fold == k)
        return -log_loss(part.label, fitted.predict(part))

    without = model.fresh().fit(train.take(np.arange(len(train)) != 3), rng=np.random.default_rng(0))
    expected = [utility(model, k) - utility(without, k) for k in range(2)]
    np.testing.assert_allclose(found.per_fold[:, 3], expected, atol=1e-9)


@pytest.mark.parametrize("utility", ["auc", "ndcg@5"])
def test_influence_on_rankings(utility):
    train, validation, model = ValuerTests().data()
    found = Influence().value(train, validation, model=model, utility=utility, folds=3, rng=np.random.default_rng(0))
    assert found.metadata["utility"] == f"minus the pairwise loss of {utility}"
    assert np.isfinite(found.z).all()
    with pytest.raises(InputError, match="utility is 'ndcg'"):
        Influence().value(train, validation, model=model, utility="ndcg", folds=3, rng=np.random.default_rng(0))


def test_ranking_influence_is_influence_on_ndcg_at_10():
    train, validation, model = ValuerTests().data()
    given = {"model": model, "folds": 3}
    found = make("ranking_influence").value(train, validation, utility="log_loss", rng=np.random.default_rng(0), **given)
    same = Influence().value(train, validation, utility="ndcg@10", rng=np.random.default_rng(0), **given)
    np.testing.assert_array_equal(found.per_fold, same.per_fold)
    assert found.metadata["method"] == "ranking_influence"
    nobody = validation.take(validation.label == 0)
    with pytest.raises(InputError, match="no request of fold 0 has both labels"):
        make("ranking_influence").value(train, nobody, utility="log_loss", rng=np.random.default_rng(0), **given)


@pytest.mark.parametrize("name", LINEAR)
def test_what_needs_a_linear_model_says_so(name):
    class Other:
        name = "other"

        def predict(self, samples):
            return np.full(len(samples), 0.5)

    train, validation, _ = ValuerTests().data()
    with pytest.raises(InputError, match=f"{name} needs a linear model"):
        make(name).value(train, validation, model=Other(), utility="log_loss", folds=3, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", ["session_shapley", "ease"])
def test_values_of_what_was_taken_are_those_of_positives(name):
    train, validation, model = ValuerTests().data()
    found = make(name).value(train, validation, model=model, utility="log_loss", folds=3, rng=np.random.default_rng(0))
    assert np.all(found.value[train.label == 0] == 0)
    assert np.count_nonzero(found.value[train.label == 1]) > 100
    nobody = validation.take(validation.label == 0)
    with pytest.raises(SplitError, match=name):
        make(name).value(train, nobody, model=model, utility="log_loss", folds=3, rng=np.random.default_rng(0))


def test_the_lowest_samples_are_those_with_flipped_labels():
    samples = make_samples(4_000, seed=3)
    train, validation = samples.split("train"), samples.split("validation")
    rng = np.random.default_rng(0)
    wrong = rng.random(len(train)) < 0.1
    at = train.keys.column_names.index("label")
    keys = train.keys.set_column(at, "label", [np.where(wrong, 1 - train.label, train.label).astype(np.int8)])
    noisy = type(train)(keys, train.features, train.encoder)
    model = ValuerTests().data()[2].fresh().fit(noisy, rng=rng)
    for name in ("influence", "self_score", "knn_shapley", "data_oob", "loss", "margin"):
        found = make(name).value(noisy, validation, model=model, utility="log_loss", folds=4, rng=np.random.default_rng(0))
        lowest = found.order()[: wrong.sum()]
        assert wrong[lowest].mean() > 1.5 * wrong.mean(), name
