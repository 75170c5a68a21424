"""A user's own model: any scikit-learn classifier, or regressor where labels are continuous, by its dotted path."""

from inspect import signature
from pathlib import Path
from typing import Any, Self

import numpy as np

from assay import registry
from assay.errors import ConfigError, InputError
from assay.models.dense import Dense
from assay.models.files import write_model
from assay.models.scorer import Vector, not_fitted, subsample, training_rows
from assay.samples.table import Samples


class Estimator:
    """Fits a scikit-learn classifier or regressor on the dense matrix: medians for unknown, target-ordered categories.

    dotted_path: "package.module.Class" or "package.module:Class", made without arguments. subsample: most rows
    it is fitted on. It is not stored: without pickle there is no common form, so `save` writes what is needed to
    fit it again, and `load` raises InputError.
    """

    kind = "estimator"  # what model.json calls it, whatever the user named it

    def __init__(self, dotted_path: str, name: str, subsample: int = 150_000) -> None:
        self.dotted_path = dotted_path
        self.name = name
        self.subsample = subsample
        self.layout_: Dense | None = None
        self.estimator_: Any = None
        self.is_chance_ = True

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Fit under the weights, with random_state from rng where the class takes either.

        ConfigError: the path leads to no classifier with predict_proba, or to no regressor. SplitError: no rows, or one class
        only.
        """
        self.is_chance_ = samples.label_type.is_chance
        estimator = self._make(int(rng.integers(2**31)), "predict_proba" if self.is_chance_ else "predict")
        rows = subsample(samples, training_rows(samples, self.name, amounts=True), self.subsample, self.name)
        layout = Dense.learn(samples, rows, most_native=0, impute=True)
        X, weight = layout.matrix(samples.features, rows), samples.weight[rows]
        y = samples.label[rows] if self.is_chance_ else samples.response[rows]
        if "sample_weight" in signature(estimator.fit).parameters:
            estimator.fit(X, y, sample_weight=weight)
        elif np.all(weight == weight[0]):
            estimator.fit(X, y)
        else:
            raise InputError(f"{self.name}: {self.dotted_path} takes no sample weights, and the samples have them")
        self.layout_, self.estimator_ = layout, estimator
        return self

    def predict(self, samples: Samples) -> Vector:
        """(n,) the classifier's predict_proba of label 1, or the regressor's prediction."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        out = np.empty(len(samples))
        for rows, X in self.layout_.batches(samples.features):
            out[rows] = self.estimator_.predict_proba(X)[:, 1] if self.is_chance_ else self.estimator_.predict(X)
        return out

    def fresh(self) -> Self:
        """An unfitted twin with the same settings."""
        return type(self)(self.dotted_path, self.name, self.subsample)

    def save(self, folder: Path) -> list[Path]:
        """Write model.json: the settings, and that the model is to be fitted again."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        settings = {"dotted_path": self.dotted_path, "name": self.name, "subsample": self.subsample}
        note = "a scikit-learn estimator is not stored; fit it again"
        return write_model(folder, self.kind, {"settings": settings, "note": note}, {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raise InputError: the fitted classifier was not stored."""
        raise InputError(f"{folder}: holds the settings of a scikit-learn estimator, not its fit; train it again")

    def _make(self, seed: int, method: str) -> Any:
        where = f"[models] estimators: {self.name} = {self.dotted_path!r}"
        kind = registry.load(self.dotted_path, f"[models] estimators: {self.name}")
        try:
            takes_seed = "random_state" in signature(kind).parameters
            estimator = kind(random_state=seed) if takes_seed else kind()
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where} cannot be made without arguments: {error}") from None
        try:
            _ = estimator.fit, getattr(estimator, method)  # some have it for some settings only, and say so when asked
        except AttributeError:
            kind = "a classifier that gives probabilities" if method == "predict_proba" else "a regressor"
            raise ConfigError(f"{where} has no fit and {method}; name {kind}") from None
        from sklearn.base import ClassifierMixin  # now: most who load this module have no model of their own

        if method == "predict" and isinstance(estimator, ClassifierMixin):
            raise ConfigError(f"{where} is a classifier, and labels are continuous; name a regressor")
        return estimator
