"""Which model can do what, said by the models themselves."""

import numpy as np
import pytest

from assay.config import Models
from assay.errors import InputError
from assay.models import named
from assay.models.baselines import Popularity
from assay.models.capabilities import (
    Baseline,
    Boosted,
    Configured,
    Linear,
    OfEvents,
    OfSingleEvents,
    ReadsText,
    Recommender,
    Represented,
    Traced,
    Trained,
    in_words,
)
from assay.models.scorer import Scorer
from assay.samples.table import Samples
from assay.task import GRADED, SQUARED
from assay.testing.data import make_samples

CAPABLE = {
    Scorer: set(named.OURS),
    Linear: {"logistic", "ridge"},
    Represented: {"dcn"},
    Trained: {"dcn", "two_tower", "transformer"},
    Traced: {"dcn"},
    OfEvents: {"two_tower", "transformer"},
    OfSingleEvents: {"two_tower"},
    Recommender: {"ease", "item_knn", "session_knn", "tifu_knn", "up_cf", "als", "two_tower", "transformer"},
    ReadsText: {"two_tower"},
    Boosted: {"lightgbm", "lambdarank"},
    Baseline: {"popularity", "buy_it_again"},
}


@pytest.mark.parametrize("needs", CAPABLE, ids=lambda needs: needs.__name__)
def test_what_our_models_can_do(needs):
    pytest.importorskip("torch")
    assert set(named.able(needs)) == CAPABLE[needs]


def test_a_model_is_called_as_its_class_says():
    pytest.importorskip("torch")
    assert [named.kind(name).name for name in named.OURS] == list(named.OURS)
    assert set(named.USUAL) < set(named.OURS)


def test_classes_that_take_settings_from_the_config():
    pytest.importorskip("torch")
    configured = {name for name in named.OURS if isinstance(named.kind(name), Configured)}
    assert configured == {"logistic", "ridge", "tree", "forest", "lightgbm", "lambdarank", "dcn", "two_tower", "transformer"}


def test_a_run_trains_the_usual_models_unless_it_is_told():
    assert named.trained(Models(), "user") == list(named.USUAL)
    assert named.trained(Models(), None) == ["logistic", "tree", "forest", "lightgbm"]
    assert named.trained(Models(), None, SQUARED) == ["ridge", "tree", "forest", "lightgbm"]
    assert named.trained(Models(), None, GRADED) == ["logistic", "tree", "forest", "lightgbm"]
    mine = {"mine": "package:Class", "tree": "package:Other"}
    told = Models(names=["popularity", "tree"], estimators=mine)
    for request in ("user", None):
        assert named.trained(told, request) == ["popularity", "tree", "mine"]
    assert named.trained(Models(names=[]), "user") == []


@pytest.mark.parametrize(("name", "settings"), [("popularity", {"window": 16}), ("buy_it_again", {})])
def test_a_baseline_reads_just_the_features_that_it_names(name, settings):
    model = named.kind(name)(**settings)
    samples = make_samples(300)
    with pytest.raises(InputError, match=f"{name}: the samples have no feature"):
        model.fit(Samples(samples.keys, samples.features.select(["noise"])), rng=np.random.default_rng(0))
    renamed = {"item_buyers_16": "item_buyers_4"}
    features = samples.features.select([renamed.get(feature, feature) for feature in model.log_features()])
    few = Samples(samples.keys, features.rename_columns(list(model.log_features())))
    assert np.isfinite(model.fit(few, rng=np.random.default_rng(0)).predict(few)).all()
    assert Popularity(None).log_features() == ()


def test_the_one_error_names_who_asks_what_it_is_and_which_model_was_given():
    pytest.importorskip("torch")
    model = Popularity()
    named.demand(model, Scorer, "mine")
    named.demand(model, Linear | Baseline, "mine")
    with pytest.raises(InputError, match=r"^mine needs a linear model, not 'popularity'$"):
        named.demand(model, Linear, "mine")
    says = r"^mine needs a linear model or a net with a linear head \(dcn\), not 'popularity'$"
    with pytest.raises(InputError, match=says):
        named.demand(model, Linear | Represented, "mine")


def test_a_capability_of_ones_own_is_called_by_its_name():
    class Quantum(Scorer):
        pass

    assert in_words(Quantum) == "a model of the kind Quantum"
    assert in_words(Quantum | Linear) == "a model of the kind Quantum or a linear model"
