"""Measures of what models predict of samples, by the kind of their labels: chances, or amounts."""

from collections.abc import Mapping

from assay.evaluation.amounts import score_amounts
from assay.evaluation.samples import NO_MORE, Floats, Measure, score_samples
from assay.evaluation.scores import Scores
from assay.samples.table import Samples

_ADVICE = "one class cannot be measured: check the target event"


def score_predictions(samples: Samples, predicted: Floats, *, threshold: float, more: Mapping[str, Measure] = NO_MORE) -> Scores:
    """Scores of predictions (n,) of samples on every measure of their labels' kind, and on `more` of the user's own.

    threshold: of chances. SplitError: the labels that weigh anything are all alike.
    """
    kind = samples.label_type
    responses = samples.response[samples.weight > 0]
    if len(responses):
        kind.check(responses, "the samples", _ADVICE)
    if kind.is_chance:
        return score_samples(samples.label, predicted, samples.user, weight=samples.weight, threshold=threshold, more=more)
    return score_amounts(samples.response, predicted, samples.user, weight=samples.weight, loss=kind.loss, more=more)
