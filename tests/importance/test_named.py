import pytest

from assay.config import Models
from assay.errors import ConfigError
from assay.importance import named
from assay.importance.influence import Influence
from assay.models.named import USUAL
from assay.models.named import make as make_model
from assay.models.scorer import Scorer


class Mine:
    name = "mine"
    needs = Scorer

    def value(self, train, validation, *, model, utility, folds, rng):
        raise AssertionError("not asked for here")


class NoValuer:
    pass


class SaysNoNeeds:
    name = "says_no_needs"

    def value(self, train, validation, *, model, utility, folds, rng):
        raise AssertionError("not asked for here")


def test_ours_come_by_name():
    assert isinstance(named.make("influence"), Influence)
    assert [named.make(name).name for name in named.OURS] == list(named.OURS)


def test_a_third_partys_comes_by_entry_point_or_dotted_path(install):
    install("assay.valuers", {"mine": f"{__name__}:Mine", "broken": f"{__name__}:NoValuer"})
    assert isinstance(named.make("mine"), Mine)
    assert isinstance(named.make(f"{__name__}:Mine"), Mine)
    for name in ("broken", f"{__name__}:NoValuer", f"{__name__}:SaysNoNeeds"):
        with pytest.raises(ConfigError, match=r"is no valuer; it needs a name, what it needs of a model \(needs\)"):
            named.make(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("influense", "did you mean 'influence'"),
        ("no.such.module:Valuer", "cannot be imported"),
        (f"{__name__}:NoSuch", "cannot be imported"),
    ],
)
def test_what_is_not_there_is_named(name, says):
    with pytest.raises(ConfigError, match=says):
        named.make(name)


def run_of(*names):
    """The models of a run, by name and in order."""
    return {name: make_model(name, Models()) for name in names}


NETS = ("dcn", "transformer", "two_tower")
OF_DCN = ("tracin", "trak", "last_layer_influence", "in_run_shapley", "el2n", "forgetting", "area_under_margin")


def test_a_valuer_is_given_the_first_model_that_has_what_it_needs():
    pytest.importorskip("torch")
    models = run_of(*USUAL, *NETS)
    assert {name: named.model_of(name, models) for name in named.OURS if name not in OF_DCN} == {
        name: "logistic" for name in named.OURS if name not in OF_DCN
    }
    assert {named.model_of(name, models) for name in OF_DCN} == {"dcn"}
    assert named.model_of(f"{__name__}:Mine", models) == "logistic"
    assert named.model_of("tracin", run_of("logistic", "two_tower", "dcn")) == "two_tower"
    assert named.model_of("trak", run_of("logistic", "two_tower", "dcn")) == "dcn"


def test_or_the_model_that_its_name_says():
    pytest.importorskip("torch")
    models = run_of(*USUAL, *NETS)
    assert named.model_of("tracin@transformer", models) == "transformer"
    assert named.model_of("loss@lightgbm", models) == "lightgbm"
    assert named.model_of(f"{__name__}:Mine@tree", models) == "tree"
    assert named.make("tracin@two_tower").name == "tracin"


@pytest.mark.parametrize(
    ("valuer", "models", "says"),
    [
        ("trak@transformer", ("dcn", "transformer"), "trak values samples for dcn, not for 'transformer'"),
        ("in_run_shapley@transformer", NETS, "in_run_shapley values samples for dcn, two_tower, not for 'transformer'"),
        ("influence@tree", ("tree",), "influence values samples for logistic, ridge, not for 'tree'"),
        ("tracin@two_tower", ("logistic",), "tracin values samples for 'two_tower'; add it"),
        ("trak", ("logistic",), "trak values samples for 'dcn'; add it"),
        ("loss", ("tree",), "loss values samples for 'logistic' or 'ridge'; add it"),
    ],
)
def test_a_model_that_is_not_trained_or_cannot_is_named(valuer, models, says):
    pytest.importorskip("torch")
    with pytest.raises(ConfigError, match=says):
        named.model_of(valuer, run_of(*models))


def test_every_valuer_stands_once_for_each_net_that_it_can_value_for():
    pytest.importorskip("torch")
    linear = [name for name in named.OURS if name not in (*OF_DCN, "knn_shapley_regression")]  # which is of amounts
    assert named.every(run_of("popularity", "logistic", "lightgbm")) == linear
    found = named.every(run_of("logistic", *NETS))
    assert found[: len(linear)] == linear
    assert sorted(found[len(linear) :]) == sorted([*OF_DCN, "tracin@transformer", "tracin@two_tower", "in_run_shapley@two_tower"])
    assert named.every({}) == []
