"""Models by name: ours, the config's estimators, and those of installed packages (entry points `assay.models`)."""

from collections.abc import Callable
from importlib.metadata import entry_points
from inspect import signature
from pathlib import Path
from typing import Any

from assay import registry
from assay.config import Models
from assay.errors import ConfigError, InputError, did_you_mean
from assay.models.als import Als
from assay.models.baselines import BuyItAgain, Popularity
from assay.models.boosting import LightGBM
from assay.models.estimator import Estimator
from assay.models.files import read_model
from assay.models.item_to_item import Ease, ItemKnn
from assay.models.lambdarank import LambdaRank
from assay.models.logistic import LogisticRegression
from assay.models.scorer import Scorer
from assay.models.session_knn import SessionKnn
from assay.models.trees import DecisionTree, RandomForest

_GROUP = "assay.models"

MODELS: dict[str, Callable[[Models], Scorer]] = {
    "popularity": lambda _: Popularity(),
    "buy_it_again": lambda _: BuyItAgain(),
    "logistic": lambda section: LogisticRegression(section.l2),
    "tree": lambda section: DecisionTree(section.subsample),
    "forest": lambda section: RandomForest(section.subsample),
    "lightgbm": lambda section: LightGBM(section.lightgbm_trees),
    "lambdarank": lambda section: LambdaRank(section.lightgbm_trees),
    "ease": lambda _: Ease(),
    "item_knn": lambda _: ItemKnn(),
    "session_knn": lambda _: SessionKnn(),
    "als": lambda _: Als(),
}

# They need PyTorch, so their modules are loaded when they are asked for.
NEURAL = {"dcn": "Dcn", "two_tower": "TwoTower", "transformer": "Transformer"}
_MODULES = {"dcn": "dcn", "two_tower": "two_tower", "transformer": "next_item"}


def neural(name: str) -> Any:
    """The class of a neural model; InputError with the pip line where PyTorch is missing."""
    return getattr(registry.of_extra(f"assay.models.{_MODULES[name]}", "deep", name), NEURAL[name])


_LOADERS: dict[str, Callable[[Path], Scorer]] = {
    "popularity": Popularity.load,
    "buy_it_again": BuyItAgain.load,
    "logistic": LogisticRegression.load,
    "tree": DecisionTree.load,
    "forest": RandomForest.load,
    "lightgbm": LightGBM.load,
    "lambdarank": LambdaRank.load,
    "ease": Ease.load,
    "item_knn": ItemKnn.load,
    "session_knn": SessionKnn.load,
    "als": Als.load,
    "estimator": Estimator.load,
}


def make(name: str, section: Models) -> Scorer:
    """The unfitted model of a name: ours, then [models.estimators], then entry points (made without arguments).

    ConfigError: no such model, one name twice, or a third party's class that is no Scorer.
    """
    if name in section.estimators and (name in MODELS or name in NEURAL):
        raise ConfigError(f"[models] estimators: {name!r} is the name of a built-in model; choose another")
    if name in MODELS:
        return MODELS[name](section)
    if name in NEURAL:
        return _neural(name, section)
    if name in section.estimators:
        return Estimator(section.estimators[name], name, section.subsample)
    for point in entry_points(group=_GROUP, name=name):
        model = point.load()()
        if not isinstance(model, Scorer):
            raise ConfigError(f"[models] names: {name!r} of {point.value} is no model; see assay.testing.models")
        return model
    others = sorted({*MODELS, *NEURAL, *section.estimators, *(point.name for point in entry_points(group=_GROUP))})
    raise ConfigError(
        f"[models] names: unknown model {name!r}{did_you_mean(name, others)}; known: {', '.join(others)},"
        " or add it to [models.estimators]"
    )


def _neural(name: str, section: Models) -> Scorer:
    kind, given = neural(name), section.neural.get(name, {})
    known = signature(kind).parameters
    for key in given:
        if key not in known:
            hint = did_you_mean(key, known)
            raise ConfigError(f"[models.neural.{name}]: unknown setting {key!r}{hint}; known: {', '.join(known)}")
    made: Scorer = kind(**given)
    return made


def load(folder: Path) -> Scorer:
    """The model that a folder's model.json names; InputError when it is missing, broken or of an unknown kind."""
    name = str(read_model(folder).get("model"))
    if name in _LOADERS:
        return _LOADERS[name](folder)
    if name in NEURAL:
        stored: Scorer = neural(name).load(folder)
        return stored
    for point in entry_points(group=_GROUP, name=name):
        found: Scorer = point.load().load(folder)
        return found
    raise InputError(f"{folder}: holds a model {name!r} that is not installed here; install its package or train again")
