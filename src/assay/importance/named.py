"""Valuers by name: ours, those of installed packages (entry points `assay.valuers`), and dotted paths.

A name may say for which model of the run samples are valued, as in tracin@transformer.
"""

from collections.abc import Mapping
from importlib.metadata import entry_points

from assay import registry
from assay.errors import ConfigError, InputError, did_you_mean
from assay.importance.valuer import Valuer
from assay.models.capabilities import Capability, Linear
from assay.models.named import able
from assay.models.scorer import Scorer
from assay.task import BINARY, LabelType

# Every valuer of ours by its name: module and class, loaded when the valuer is asked for.
OURS = {
    "probability": "predicted:Probability",
    "loss": "predicted:Loss",
    "margin": "predicted:Margin",
    "self_score": "predicted:SelfScore",
    "influence": "influence:Influence",
    "ranking_influence": "influence:RankingInfluence",
    "inclusion": "subsampling:Inclusion",
    "knn_shapley": "neighbours:KnnShapley",
    "knn_shapley_regression": "neighbour_regression:KnnShapleyRegression",
    "knn_banzhaf": "neighbours:KnnBanzhaf",
    "threshold_knn_shapley": "neighbours:ThresholdKnnShapley",
    "data_oob": "out_of_bag:DataOob",
    "session_shapley": "sessions:SessionShapley",
    "ease": "linear_autoencoder:EaseImportance",
    "leave_one_out": "semivalues:LeaveOneOut",
    "shapley": "semivalues:Shapley",
    "beta_shapley": "semivalues:BetaShapley",
    "banzhaf": "semivalues:Banzhaf",
    "recency": "predicted:Recency",
    "popularity": "predicted:ItemPopularity",
    "random": "predicted:Random",
    "tracin": "gradients:TracIn",
    "trak": "projected:Trak",
    "last_layer_influence": "last_layer:LastLayerInfluence",
    "in_run_shapley": "in_run_shapley:InRunShapleyValuer",
    "el2n": "training_dynamics:El2n",
    "forgetting": "training_dynamics:Forgetting",
    "area_under_margin": "training_dynamics:AreaUnderMargin",
}
_OF_AMOUNTS = ("knn_shapley_regression",)  # these alone need continuous labels,
_OF_EITHER = (
    "probability", "loss", "self_score", "influence", "ease", "leave_one_out", "shapley", "beta_shapley", "banzhaf",
    "recency", "popularity", "random",
)  # fmt: skip  # these take any, and the others need labels of 0 and 1


def make(name: str) -> Valuer:
    """The valuer of a name, or of a dotted path `package.module:Class`; ConfigError when there is none."""
    valuer, _, _ = name.partition("@")
    if valuer in OURS:
        module, _, attribute = OURS[valuer].partition(":")
        return _made(getattr(registry.of_extra(f"assay.importance.{module}", "deep", valuer), attribute), name)
    for point in entry_points(group="assay.valuers", name=valuer):
        return _made(point.load(), name)
    if ":" not in valuer:
        raise ConfigError(
            f"[value] valuers: unknown valuer {name!r}{did_you_mean(valuer, OURS)}; known: {', '.join(OURS)},"
            " or give package.module:Class"
        )
    return _made(registry.load(valuer, "[value] valuers"), name)


def _made(kind: object, name: str) -> Valuer:
    try:
        valuer = kind() if callable(kind) else kind
    except TypeError as error:
        raise ConfigError(f"[value] valuers: {name!r} cannot be made without arguments: {error}") from None
    if not isinstance(valuer, Valuer):
        raise ConfigError(
            f"[value] valuers: {name!r} is no valuer; it needs a name, what it needs of a model (needs) and"
            " value(train, validation, ...)"
        )
    return valuer


def model_of(name: str, models: Mapping[str, Scorer]) -> str:
    """Name of the model of a run that a valuer is given, of all that the run trains, by name and in their order.

    It is the one that the valuer's name says, else the first with the capability that the valuer needs. A valuer that any model
    would do for has the first linear one, so that its values are of the same model as others'. ConfigError: there is none.
    """
    valuer, _, wanted = name.partition("@")
    needs = make(name).needs
    usual = Linear if needs is Scorer else needs
    fit = able_of(usual, models)
    if not wanted and fit:
        return fit[0]
    if wanted in models and isinstance(models[wanted], needs):
        return wanted
    ours = able(usual)
    if wanted in models:
        raise ConfigError(f"[value] valuers: {valuer} values samples for {', '.join(fit or ours)}, not for {wanted!r}")
    missing = [wanted] if wanted else ours
    raise ConfigError(f"[models] names: {valuer} values samples for {' or '.join(map(repr, missing))}; add it")


def able_of(needs: Capability, models: Mapping[str, Scorer]) -> list[str]:
    """Names of the models that have a capability, in their order."""
    return [name for name, model in models.items() if isinstance(model, needs)]


def every(models: Mapping[str, Scorer], labels: LabelType = BINARY) -> list[str]:
    """Names of all our valuers that can value samples with such labels for one of the models, of a net's once for each model.

    The first model's stands without its name. Those whose packages are missing are left out.
    """
    names = []
    for valuer in OURS:
        if valuer not in _OF_EITHER and (valuer in _OF_AMOUNTS) == labels.is_chance:
            continue
        try:
            needs = make(valuer).needs
        except InputError:  # no model is there for it, either
            continue
        fit = able_of(Linear, models)[:1] if needs is Scorer else able_of(needs, models)
        names += [f"{valuer}@{model}" if place else valuer for place, model in enumerate(fit)]
    return names
