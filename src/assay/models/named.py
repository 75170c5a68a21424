"""Models by name: ours, the config's estimators, and those of installed packages (entry points `assay.models`)."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from assay import registry
from assay.config import Models
from assay.errors import ConfigError, InputError, did_you_mean
from assay.models.capabilities import Capability, Configured, in_words
from assay.models.estimator import Estimator
from assay.models.files import read_model
from assay.models.scorer import Scorer
from assay.task import BINARY, LabelType

_GROUP = "assay.models"
# Every model of ours by its name: module and class, loaded when the model is asked for.
OURS = {
    "popularity": "baselines:Popularity",
    "buy_it_again": "baselines:BuyItAgain",
    "logistic": "logistic:LogisticRegression",
    "ridge": "ridge:Ridge",
    "tree": "trees:DecisionTree",
    "forest": "trees:RandomForest",
    "lightgbm": "boosting:LightGBM",
    "lambdarank": "lambdarank:LambdaRank",
    "ease": "item_to_item:Ease",
    "item_knn": "item_to_item:ItemKnn",
    "session_knn": "session_knn:SessionKnn",
    "tifu_knn": "tifu_knn:TifuKnn",
    "up_cf": "up_cf:UpCf",
    "als": "als:Als",
    "dcn": "dcn:Dcn",
    "two_tower": "two_tower:TwoTower",
    "transformer": "next_item:Transformer",
}
# What a run trains unless it is told: on a log, on one whose requests are steps of sessions, and on a table of the user's own.
USUAL = ("popularity", "buy_it_again", "tifu_knn", "logistic", "tree", "forest", "lightgbm", "lambdarank")
USUAL_OF_SESSIONS = ("popularity", "item_knn", "session_knn", "logistic", "tree", "forest", "lightgbm", "lambdarank")
LINEAR = {"logit": "logistic", "identity": "ridge"}  # the linear model of labels, by their link
USUAL_OF_TABLES = ("logistic", "tree", "forest", "lightgbm")


def kind(name: str) -> Any:
    """The class of a model of ours; InputError with the pip line where PyTorch is missing."""
    module, _, attribute = OURS[name].partition(":")
    return getattr(registry.of_extra(f"assay.models.{module}", "deep", name), attribute)


def trained(section: Models, request: str | None, labels: LabelType = BINARY) -> list[str]:
    """Names of the models that a run trains, ours and the user's own.

    Unless the config names them they are the usual ones; of continuous labels a ridge regression is the linear one. request:
    [samples] request, or None on a table of one's own.
    """
    usual: tuple[str, ...] = USUAL_OF_TABLES if request is None else USUAL_OF_SESSIONS if request == "session" else USUAL
    if not labels.is_chance:
        usual = tuple(LINEAR[labels.link] if name in LINEAR.values() else name for name in usual)
    return list(dict.fromkeys([*(usual if section.names is None else section.names), *section.estimators]))


def make(name: str, section: Models) -> Scorer:
    """The unfitted model of a name: ours, then [models.estimators], then entry points; with its settings of the section.

    ConfigError: no such model, one name twice, or a third party's class that is no Scorer.
    """
    if name in section.estimators and name in OURS:
        raise ConfigError(f"[models] estimators: {name!r} is the name of a built-in model; choose another")
    if name in OURS:
        ours: Scorer = _configured(kind(name), section)
        return ours
    if name in section.estimators:
        return Estimator(section.estimators[name], name, section.subsample)
    for point in entry_points(group=_GROUP, name=name):
        model = _configured(point.load(), section)
        if not isinstance(model, Scorer):
            raise ConfigError(f"[models] names: {name!r} of {point.value} is no model; see assay.testing.models")
        return model
    others = sorted({*OURS, *section.estimators, *(point.name for point in entry_points(group=_GROUP))})
    raise ConfigError(
        f"[models] names: unknown model {name!r}{did_you_mean(name, others)}; known: {', '.join(others)},"
        " or add it to [models.estimators]"
    )


def _configured(of: Any, section: Models) -> Any:
    return of.configured(section) if isinstance(of, Configured) else of()


def unfitted(section: Models, request: str | None, labels: LabelType = BINARY) -> dict[str, Scorer]:
    """Every model that a run trains, as `trained` says, by name, as it is before. ConfigError: a name that is none."""
    return {name: make(name, section) for name in trained(section, request, labels)}


def load(folder: Path) -> Scorer:
    """The model that a folder's model.json names; InputError when it is missing, broken or of an unknown kind."""
    name = str(read_model(folder).get("model"))
    if name == Estimator.kind:
        return Estimator.load(folder)
    if name in OURS:
        ours: Scorer = kind(name).load(folder)
        return ours
    for point in entry_points(group=_GROUP, name=name):
        theirs: Scorer = point.load().load(folder)
        return theirs
    raise InputError(f"{folder}: holds a model {name!r} that is not installed here; install its package or train again")


def able(needs: Capability) -> list[str]:
    """Names of our models that have a capability, of those whose packages are here."""
    names = []
    for name in OURS:
        try:
            model = kind(name)()
        except InputError:  # its package is missing
            continue
        if isinstance(model, needs):
            names.append(name)
    return names


def demand(model: Any, needs: Capability, who: str) -> None:
    """InputError where a model lacks a capability; who: asks for it, as the user called it."""
    if not isinstance(model, needs):
        more = ", ".join(name for name in able(needs) if name not in (*USUAL, *LINEAR.values()))
        raise InputError(f"{who} needs {in_words(needs)}{f' ({more})' if more else ''}, not {model.name!r}")
