"""Linear models on the encoder's sparse columns: converged fits that start from one another."""

import hashlib
from pathlib import Path
from typing import Self

import numpy as np
from scipy import sparse

from assay.config import Models
from assay.errors import InputError
from assay.models.files import read_arrays, read_model, write_model
from assay.models.scorer import Vector, not_fitted, training_rows
from assay.numerics.families import LOGIT, Family
from assay.numerics.glm import Curvature, fit
from assay.numerics.products import margins
from assay.samples.table import Samples


class LinearModel:
    """Minimises sum_i weight_i * loss_i + (l2 / 2) |coef|^2 over the columns of `samples.matrix()`; see numerics.families.

    `family` and `name` are all that differs. An intercept is a column of the encoder and penalised like the others. Learnt:
    coef_ (p,) float64; names_ the p column names; converged_, whether the Newton decrement a row reached the tolerance;
    curvature_ a factored Hessian near coef_ or None (8 p^2 bytes), which a fit that starts here is preconditioned with.
    """

    name: str
    family: Family

    def __init__(self, l2: float = 10.0) -> None:
        self.l2 = l2
        self.coef_: Vector | None = None
        self.names_: list[str] = []
        self.converged_ = False
        self.curvature_: Curvature | None = None
        self._curved: bytes | None = None  # what curvature_ was made on, when that is known

    @classmethod
    def configured(cls, section: Models) -> Self:
        """With the section's l2."""
        return cls(section.l2)

    def fit(self, samples: Samples, *, rng: np.random.Generator, start: "LinearModel | None" = None) -> Self:
        """Fit to convergence; rng plays no part. start: a model fitted on the same columns, to begin from.

        InputError: no encoder, labels of another family, or a start with other columns. SplitError: no rows, or one class only.
        """
        del rng
        if samples.label_type.link != self.family.link:
            kind, other = ("labels of 0 and 1", "ridge") if self.family is LOGIT else ("continuous labels", "logistic")
            raise InputError(f"{self.name}: learns {kind}, and these are others; name {other!r} in its place")
        rows = training_rows(samples, self.name, amounts=True)
        X = self._matrix(samples)
        assert samples.encoder is not None
        names = list(samples.encoder.names)
        if start is not None and start.coef_ is None:
            raise not_fitted(f"{self.name} start")
        if start is not None and start.names_ != names:
            raise InputError(f"{self.name}: start has {len(start.names_)} columns, the samples {len(names)} or others")
        label, weight = samples.response, samples.weight
        if len(rows) < len(weight):
            X, label, weight = X[rows], label[rows], weight[rows]
        solution = fit(
            X, label, l2=self.l2, sample_weight=weight, start=None if start is None else start.coef_,
            curvature=None if start is None else start.curvature_, family=self.family,
        )  # fmt: skip
        self.coef_, self.names_, self.converged_ = solution.coef, names, solution.converged
        self.curvature_, self._curved = solution.curvature, None
        return self

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities, or amounts; InputError for samples encoded otherwise than those of the fit."""
        return self.family.mean(margins(self._checked(samples), self._coef()))

    def curve(self, samples: Samples) -> Curvature:
        """The Hessian X' D X + l2 I at coef_ on these samples under their weights, factored.

        Made once for the same rows and weights, and kept as curvature_. InputError: more columns than exact
        curvature takes.
        """
        X, coef = self._checked(samples), self._coef()
        key = hashlib.sha256(samples.keys.column("sample_id").to_numpy().tobytes() + samples.weight.tobytes()).digest()
        if self.curvature_ is None or self._curved != key:
            self.curvature_ = None  # the old one is freed before the new one takes as much
            mean = self.family.mean(margins(X, coef))
            try:
                self.curvature_ = Curvature(X, samples.weight * self.family.curvature(mean), self.l2)
            except ValueError as error:
                raise InputError(f"{self.name}: {error}") from None
            self._curved = key
        return self.curvature_

    def fresh(self) -> Self:
        """An unfitted twin with the same l2."""
        return type(self)(self.l2)

    def save(self, folder: Path) -> list[Path]:
        """Write model.json (l2, column names) and arrays.npz (coef); the curvature is not stored."""
        content = {"settings": {"l2": self.l2}, "names": self.names_, "converged": self.converged_}
        return write_model(folder, self.name, content, {"coef": self._coef()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote."""
        content = read_model(folder)
        model = cls(**content["settings"])
        model.names_, model.converged_ = content["names"], content["converged"]
        model.coef_ = read_arrays(folder / "arrays.npz")["coef"]
        return model

    def _coef(self) -> Vector:
        if self.coef_ is None:
            raise not_fitted(self.name)
        return self.coef_

    def _checked(self, samples: Samples) -> sparse.csr_array:
        self._coef()
        X = self._matrix(samples)
        assert samples.encoder is not None
        if list(samples.encoder.names) != self.names_:
            raise InputError(
                f"{self.name}: fitted on {len(self.names_)} columns, the samples have {len(samples.encoder.names)}"
                " or others; use the encoder of the fit"
            )
        return X

    def _matrix(self, samples: Samples) -> sparse.csr_array:
        if samples.encoder is None:
            raise InputError(f"{self.name}: the samples have no encoder; fit one on train and give it to them")
        return samples.matrix()
