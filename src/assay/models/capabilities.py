"""What models can do besides predicting. A valuer or a stage asks for a capability, never for a model by its name.

A capability is a protocol: a model has it by having its methods and attributes, and declares nothing.
"""

from types import UnionType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from assay.config import Models
from assay.models.scorer import Scorer, Training, Vector
from assay.samples.table import Samples

if TYPE_CHECKING:  # what they need of PyTorch and Numba is loaded by the models that have them
    from assay.deep.checkpoints import State
    from assay.deep.rows import ArrayRows
    from assay.deep.training import Net, Schedule
    from assay.models.recommender import Taken
    from assay.numerics.families import Family
    from assay.numerics.glm import Curvature

Capability: TypeAlias = type | UnionType  # one, or several of which one is enough: Traced | OfEvents


@runtime_checkable
class Linear(Scorer, Protocol):
    """A linear model on the columns of `samples.matrix()`: sum of weight * loss + (l2 / 2) |coef|^2 is least.

    coef_ (p,): its coefficients, None before fit. family: what its margins predict, and the loss.
    """

    l2: float
    family: "Family"
    coef_: Vector | None

    def curve(self, samples: Samples) -> "Curvature":
        """The Hessian X' D X + l2 I at coef_ on these samples under their weights, factored."""
        ...


@runtime_checkable
class Represented(Scorer, Protocol):
    """A model whose last step is a logistic regression on what it made of a sample."""

    def represent(self, samples: Samples) -> Vector:
        """(n, d) what the head is given."""
        ...

    def head(self) -> Vector:
        """(d + 1,) coefficients of the head, the intercept last."""
        ...


@runtime_checkable
class Trained(Scorer, Protocol):
    """A model with a net that learns in passes of gradient steps.

    checkpoints_: (learning rate, weights) after each pass over all rows; none before fit.
    """

    schedule: "Schedule"
    checkpoints_: "tuple[tuple[float, State], ...]"

    def fit(self, samples: Samples, *, rng: np.random.Generator, training: Training = Training()) -> Self:
        """As every model, in the way that `training` says."""
        ...

    def net(self) -> "Net":
        """The fitted net, on the processor; InputError before fit."""
        ...


@runtime_checkable
class Traced(Trained, Protocol):
    """A net whose rows are samples: what each step did can be told of the samples in it."""

    def rows(self, samples: Samples) -> "ArrayRows":
        """The samples as the net takes them, in their order."""
        ...


@runtime_checkable
class OfEvents(Trained, Protocol):
    """A recommender with a net, whose rows ask for what users took: what each step did can be told of these events."""

    def fitted(self) -> "Taken":
        """What it learnt from: events (3, E). InputError before fit."""
        ...

    def learnt_rows(self) -> "ArrayRows":
        """The rows that it learnt from; column "asked", (W,) or (W, T): the event that each loss or part asks for, -1 none."""
        ...

    def held_rows(self, samples: Samples) -> "ArrayRows":
        """Rows that ask for the positives among later samples; column "user" (W,): whose they are."""
        ...

    def of_samples(self, of_event: NDArray[Any], samples: Samples) -> Vector:
        """(F, n) of training samples from (F, E) of events, shared among those that are one event."""
        ...


@runtime_checkable
class OfSingleEvents(OfEvents, Protocol):
    """A recommender with a net, each of whose rows asks for one event."""

    def asked_events(self) -> NDArray[Any]:
        """(W,) the event that each of `learnt_rows` asks for."""
        ...


@runtime_checkable
class Recommender(Scorer, Protocol):
    """A model that also ranks the whole catalogue for a user."""

    def top_n(self, user: NDArray[Any], n: int, *, exclude_known: bool = True) -> tuple[NDArray[Any], Vector]:
        """Item codes and raw scores (m, n) for user codes (m,), best first, ties by item code; -1 and NaN where none is left."""
        ...


@runtime_checkable
class ReadsText(Scorer, Protocol):
    """A model that also reads what items are called: its fit is told by `training.texts`.

    item_texts_ (items, v): the texts that it was told, None where there were none. `save` does not write them: whoever loads
    the model gives them back, for its twins.
    """

    item_texts_: NDArray[Any] | None

    def fit(self, samples: Samples, *, rng: np.random.Generator, training: Training = Training()) -> Self:
        """As every model; InputError for texts of another shape, or with numbers that are not finite."""
        ...


@runtime_checkable
class Boosted(Scorer, Protocol):
    """A model of trees that are grown one after another, until rows that were held back say stop.

    rounds_: how many were grown, None before fit.
    """

    rounds_: int | None

    def fit(self, samples: Samples, *, rng: np.random.Generator, training: Training = Training()) -> Self:
        """As every model; it grows as many trees as `training.like`, where that is told, and stops nowhere else."""
        ...


@runtime_checkable
class Baseline(Scorer, Protocol):
    """A rule that ranks by few features of a log and learns only how they go with the label: it is not worth retraining."""

    def log_features(self) -> tuple[str, ...]:
        """Names of the features that it ranks by; a table of one's own has none of them."""
        ...


@runtime_checkable
class Configured(Protocol):
    """A class of models that takes settings from the config; one without it is made without arguments."""

    def configured(self, section: Models) -> Scorer:
        """An unfitted model with the settings of [models] (a class method)."""
        ...


_WORDS: dict[Any, str] = {
    Scorer: "a model",
    Linear: "a linear model",
    Represented: "a net with a linear head",
    Traced: "a model of samples that is trained by gradient steps",
    OfEvents: "a recommender with a net",
    OfSingleEvents: "a recommender with a net whose rows ask for one event each",
}


def in_words(needs: Capability) -> str:
    """A capability as people call it; of several, each."""
    kinds = get_args(needs) or (needs,)
    return " or ".join(_WORDS.get(kind, f"a model of the kind {kind.__name__}") for kind in kinds)
