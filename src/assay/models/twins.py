"""Twins of fitted models: a model with the same settings that learns from other samples, or from the same under other weights."""

from dataclasses import replace
from typing import TypeVar

import numpy as np

from assay.models.capabilities import Boosted, ReadsText, Trained
from assay.models.scorer import Scorer, Training
from assay.samples.table import Samples

S = TypeVar("S", bound=Scorer)


def fit(model: S, samples: Samples, *, rng: np.random.Generator, training: Training = Training()) -> S:
    """The model, fitted; it is told of the training where it takes that."""
    if isinstance(model, Trained):
        return model.fit(samples, rng=rng, training=training)
    if isinstance(model, ReadsText):
        return model.fit(samples, rng=rng, training=training)
    if isinstance(model, Boosted):
        return model.fit(samples, rng=rng, training=training)
    return model.fit(samples, rng=rng)


def twin(fitted: S, samples: Samples, *, rng: np.random.Generator, training: Training = Training()) -> S:
    """A fitted twin of a model. It is told the texts of items that the model was told; a net is trained as `training` says."""
    texts = fitted.item_texts_ if isinstance(fitted, ReadsText) else training.texts
    return fit(fitted.fresh(), samples, rng=rng, training=replace(training, texts=texts))


def refitted(fitted: S, samples: Samples, *, rng: np.random.Generator) -> S:
    """A fitted twin of a model: a net learns for as many passes as the model did, and trees grow for as many rounds. Neither
    stops early.

    A logistic regression begins anew; `trials.curve.refit` goes on from its coefficients, which is faster.
    """
    passes = len(fitted.checkpoints_) if isinstance(fitted, Trained) else None
    like = fitted if isinstance(fitted, Boosted) else None
    return twin(fitted, samples, rng=rng, training=Training(passes=passes, like=like))
