"""Valuers by name: ours, those of installed packages (entry points `assay.valuers`), and dotted paths."""

from collections.abc import Callable, Iterable
from importlib.metadata import entry_points

from assay import registry
from assay.errors import ConfigError, did_you_mean
from assay.importance.influence import Influence
from assay.importance.linear_autoencoder import EaseImportance
from assay.importance.neighbours import KnnBanzhaf, KnnShapley, ThresholdKnnShapley
from assay.importance.out_of_bag import DataOob
from assay.importance.predicted import ItemPopularity, Loss, Margin, Probability, Random, Recency, SelfScore
from assay.importance.semivalues import Banzhaf, BetaShapley, LeaveOneOut, Shapley
from assay.importance.sessions import SessionShapley
from assay.importance.subsampling import Inclusion
from assay.importance.valuer import Valuer

_OURS: tuple[type[Valuer], ...] = (
    Probability, Loss, Margin, SelfScore, Influence, Inclusion, KnnShapley, KnnBanzhaf, ThresholdKnnShapley, DataOob,
    SessionShapley, EaseImportance, LeaveOneOut, Shapley, BetaShapley, Banzhaf, Recency, ItemPopularity, Random,
)  # fmt: skip
VALUERS: dict[str, Callable[[], Valuer]] = {kind.name: kind for kind in _OURS}
# They need PyTorch, and are loaded when they are asked for: module and class by name.
NEURAL = {
    "tracin": ("gradients", "TracIn"),
    "trak": ("projected", "Trak"),
    "last_layer_influence": ("last_layer", "LastLayerInfluence"),
    "in_run_shapley": ("in_run_shapley", "InRunShapleyValuer"),
    "el2n": ("training_dynamics", "El2n"),
    "forgetting": ("training_dynamics", "Forgetting"),
    "area_under_margin": ("training_dynamics", "AreaUnderMargin"),
}
VALUED = "logistic"  # the model of a run that valuers are given, unless they are for others: the first of these, or
_OF = {name: ["dcn"] for name in NEURAL} | {  # the one that is named after the valuer, as in tracin@transformer
    "tracin": ["dcn", "transformer", "two_tower"],
    "in_run_shapley": ["dcn", "two_tower"],
}


def make(name: str) -> Valuer:
    """The valuer of a name, or of a dotted path `package.module:Class`; ConfigError when there is none."""
    if name in VALUERS:
        return VALUERS[name]()
    valuer, _, model = name.partition("@")
    if valuer in NEURAL:
        if model and model not in _OF[valuer]:
            raise ConfigError(f"[value] valuers: {valuer} values samples for {', '.join(_OF[valuer])}, not for {model!r}")
        module, kind = NEURAL[valuer]
        return _made(getattr(registry.of_extra(f"assay.importance.{module}", "deep", valuer), kind), name)
    for point in entry_points(group="assay.valuers", name=name):
        return _made(point.load(), name)
    known = [*VALUERS, *NEURAL]
    if ":" not in name:
        raise ConfigError(
            f"[value] valuers: unknown valuer {name!r}{did_you_mean(name, known)}; known: {', '.join(known)},"
            " or give package.module:Class"
        )
    return _made(registry.load(name, "[value] valuers"), name)


def _made(kind: Callable[[], object], name: str) -> Valuer:
    try:
        valuer = kind()
    except TypeError as error:
        raise ConfigError(f"[value] valuers: {name!r} cannot be made without arguments: {error}") from None
    if not isinstance(valuer, Valuer):
        raise ConfigError(f"[value] valuers: {name!r} is no valuer; it needs a name and value(train, validation, ...)")
    return valuer


def neural_of(models: Iterable[str]) -> list[str]:
    """Names of the valuers of neural models, for those of them that a run trains."""
    return [name if model == of[0] else f"{name}@{model}" for name, of in _OF.items() for model in of if model in set(models)]


def model_of(valuer: str) -> str:
    """Name of the model of a run that a valuer is given."""
    name, _, model = valuer.partition("@")
    return model or _OF.get(name, [VALUED])[0]
