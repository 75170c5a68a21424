import numpy as np
import pytest

from assay.config import Models
from assay.errors import ConfigError, InputError
from assay.models import named
from assay.models.estimator import Estimator
from assay.models.scorer import Scorer
from assay.task import BINARY, SQUARED
from assay.testing.data import make_samples

WITHOUT_PYTORCH = sorted({*named.OURS} - {"dcn", "two_tower", "transformer"})


@pytest.mark.parametrize("name", WITHOUT_PYTORCH)
def test_every_model_is_made_stored_and_loaded_by_name(name, tmp_path):
    section = Models(subsample=1_000, lightgbm_trees=5)
    model = named.make(name, section)
    assert isinstance(model, Scorer)
    assert model.name == name
    data = make_samples(2_000, labels=SQUARED if name == "ridge" else BINARY)
    model.fit(data.split("train"), rng=np.random.default_rng(0)).save(tmp_path)
    np.testing.assert_array_equal(named.load(tmp_path).predict(data), model.predict(data))


def test_settings_come_from_the_config():
    section = Models(l2=3.0, subsample=77, lightgbm_trees=9)
    assert named.make("logistic", section).l2 == 3.0
    assert named.make("tree", section).subsample == named.make("forest", section).subsample == 77
    assert named.make("lightgbm", section).trees == 9


def test_a_misspelt_name_gets_a_hint():
    with pytest.raises(ConfigError, match="did you mean 'logistic'"):
        named.make("logistc", Models())
    with pytest.raises(ConfigError, match="did you mean 'bayes'"):
        named.make("bayse", Models(estimators={"bayes": "sklearn.naive_bayes.GaussianNB"}))


def test_an_estimator_may_not_hide_a_model():
    with pytest.raises(ConfigError, match="built-in"):
        named.make("tree", Models(estimators={"tree": "sklearn.naive_bayes.GaussianNB"}))


class Constant:
    name = "constant"

    def fit(self, samples, *, rng):
        return self

    def predict(self, samples):
        return np.full(len(samples), 0.5)

    def fresh(self):
        return Constant()

    def save(self, folder):
        return []

    @classmethod
    def load(cls, folder):
        return cls()


class NoModel:
    pass


def test_a_third_partys_model_comes_by_entry_point(install, tmp_path):
    install("assay.models", {"constant": f"{__name__}:Constant", "broken": f"{__name__}:NoModel"})
    assert isinstance(named.make("constant", Models()), Constant)
    (tmp_path / "model.json").write_text('{"format": 1, "model": "constant"}')
    assert isinstance(named.load(tmp_path), Constant)
    with pytest.raises(ConfigError, match="is no model"):
        named.make("broken", Models())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "not there"),
        ("{", "not JSON"),
        ("[]", "not a model of format"),
        ('{"format": 99, "model": "tree"}', "not a model of format"),
        ('{"format": 1, "model": "unheard of"}', "not installed"),
    ],
)
def test_a_broken_folder_says_what_is_wrong(content, says, tmp_path):
    if content is not None:
        (tmp_path / "model.json").write_text(content)
    with pytest.raises(InputError, match=says):
        named.load(tmp_path)


@pytest.mark.parametrize("name", ["logistic", "forest", "lightgbm"])
def test_broken_arrays_say_which_file(name, tmp_path):
    model = named.make(name, Models(subsample=500, lightgbm_trees=3))
    files = model.fit(make_samples(1_000).split("train"), rng=np.random.default_rng(0)).save(tmp_path)
    (path,) = (file for file in files if file.name != "model.json")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match=path.name):
        named.load(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=path.name):
        named.load(tmp_path)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("GaussianNB", "give package.module:Name"),
        ("sklearn.no_such_module.Thing", "cannot be imported"),
        ("sklearn.naive_bayes:GaussianNaive", "cannot be imported"),
        ("sklearn.linear_model.LinearRegression", "predict_proba"),
        ("sklearn.multiclass.OneVsRestClassifier", "without arguments"),
    ],
)
def test_a_path_that_leads_to_no_classifier(path, says):
    with pytest.raises(ConfigError, match=says) as caught:
        Estimator(path, "mine").fit(make_samples(500).split("train"), rng=np.random.default_rng(0))
    assert "mine" in str(caught.value)


def test_an_estimator_without_weights_refuses_them():
    samples = make_samples(1_000).split("train")
    weighted = samples.with_weight(np.linspace(0.5, 1.5, len(samples)))
    model = Estimator("sklearn.neighbors.KNeighborsClassifier", "neighbours")
    model.fresh().fit(samples, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="takes no sample weights"):
        model.fit(weighted, rng=np.random.default_rng(0))
