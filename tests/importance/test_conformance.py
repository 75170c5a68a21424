import numpy as np
import pytest

from assay.errors import InputError, SplitError
from assay.importance.influence import Influence
from assay.importance.registry import VALUERS
from assay.testing.data import make_samples
from assay.testing.valuers import ValuerTests

LINEAR = ("influence", "self_score", "inclusion")


@pytest.fixture(params=sorted(VALUERS))
def name(request):
    return request.param


class TestEveryValuer(ValuerTests):
    @pytest.fixture(autouse=True)
    def _named(self, name):
        self.name = name

    def make(self):
        return VALUERS[self.name]()


@pytest.mark.parametrize("utility", ["auc", "ndcg@5"])
def test_influence_on_rankings(utility):
    train, validation, model = TestEveryValuer().data()
    found = Influence().value(train, validation, model=model, utility=utility, folds=3, rng=np.random.default_rng(0))
    assert found.metadata["utility"] == f"minus the pairwise loss of {utility}"
    assert np.isfinite(found.z).all()
    with pytest.raises(InputError, match="utility is 'ndcg'"):
        Influence().value(train, validation, model=model, utility="ndcg", folds=3, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", LINEAR)
def test_what_needs_a_linear_model_says_so(name):
    class Other:
        name = "other"

        def predict(self, samples):
            return np.full(len(samples), 0.5)

    train, validation, _ = TestEveryValuer().data()
    with pytest.raises(InputError, match=f"{name} needs a logistic regression"):
        VALUERS[name]().value(train, validation, model=Other(), utility="log_loss", folds=3, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", ["session_shapley", "ease"])
def test_values_of_what_was_taken_are_those_of_positives(name):
    train, validation, model = TestEveryValuer().data()
    found = VALUERS[name]().value(train, validation, model=model, utility="log_loss", folds=3, rng=np.random.default_rng(0))
    assert np.all(found.value[train.label == 0] == 0)
    assert np.count_nonzero(found.value[train.label == 1]) > 100
    nobody = validation.take(validation.label == 0)
    with pytest.raises(SplitError, match=name):
        VALUERS[name]().value(train, nobody, model=model, utility="log_loss", folds=3, rng=np.random.default_rng(0))


def test_the_lowest_samples_are_those_with_flipped_labels():
    samples = make_samples(4_000, seed=3)
    train, validation = samples.split("train"), samples.split("validation")
    rng = np.random.default_rng(0)
    wrong = rng.random(len(train)) < 0.1
    at = train.keys.column_names.index("label")
    keys = train.keys.set_column(at, "label", [np.where(wrong, 1 - train.label, train.label).astype(np.int8)])
    noisy = type(train)(keys, train.features, train.encoder)
    model = TestEveryValuer().data()[2].fresh().fit(noisy, rng=rng)
    for name in ("influence", "self_score", "knn_shapley", "data_oob", "loss", "margin"):
        found = VALUERS[name]().value(noisy, validation, model=model, utility="log_loss", folds=4, rng=np.random.default_rng(0))
        lowest = found.order()[: wrong.sum()]
        assert wrong[lowest].mean() > 1.5 * wrong.mean(), name
