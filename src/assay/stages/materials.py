"""What stages work with: samples, holdouts, models and values of a run, read once and kept at hand."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import ConfigError, InputError
from assay.evaluation.beyond import Past
from assay.evaluation.holdout import Holdout, Predict
from assay.evaluation.holdout import holdout as make_holdout
from assay.findings.labels import Wording
from assay.importance import named as valuers
from assay.importance.stored import read_values
from assay.importance.valuer import Importance
from assay.language import english
from assay.logs.clean_log import CleanLog
from assay.models import named as models
from assay.models import twins
from assay.models.capabilities import Baseline, ReadsText
from assay.models.linear import LinearModel
from assay.models.platt import Platt
from assay.models.scorer import Scorer, Training
from assay.pages.evaluation import Chances
from assay.pages.samples import FeaturesKept, SamplesMade
from assay.runs.stage import Work
from assay.samples import stored
from assay.samples.encoder import only
from assay.samples.match import joined_texts
from assay.samples.own_table import GROUPS
from assay.samples.table import Samples
from assay.task import LabelType, Task
from assay.text.cache import kept_embedder
from assay.text.ngrams import NGrams
from assay.trials.curve import refit

CANDIDATES = "samples/candidates.parquet"
STEPS = "samples/steps.parquet"  # there where requests are steps of sessions
TASK = (
    "samples.target", "samples.period_days", "samples.request", "samples.grades", "samples.amount", "samples.loss",
    "table.labels", "show.deed",
)  # fmt: skip  # keys that `task` reads
WORDS = (*TASK, "show.currency", "show.hash_ids")  # keys that `wording` reads
VALUER_SECONDS = "valuers"  # of cost.json: seconds of each valuer
Line = Callable[[NDArray[np.float64]], NDArray[np.float64]]
TRAINING, VALUING, RECOMMENDING = 0, 1, 2  # streams of random numbers: one stage's draws do not move another's


def rng(work: Work, stream: int) -> np.random.Generator:
    """A generator of a stream of its own."""
    return np.random.default_rng([work.config.seed, stream])


def names(work: Work) -> list[str]:
    """Every model that is trained, ours and the user's own, but for those that the log cannot feed."""
    return list(unfitted_models(work))


def unfitted_models(work: Work) -> dict[str, Scorer]:
    """Every model that is trained, as it is before: what the run's models are capable of.

    InputError: the log can feed none of them.
    """
    every, hungry = _unfitted(work), left_out(work)
    fed = {name: model for name, model in every.items() if name not in hungry}
    if every and not fed:
        raise InputError(f"[models] names: the log can feed none of {', '.join(every)}; {next(iter(hungry.values()))}")
    return fed


def left_out(work: Work) -> dict[str, str]:
    """Models that the run would train but its log cannot feed, and why: features that they rank by are alike in all of train."""
    if CleanLog.find(work.folder) is None:
        return {}  # of a table of one's own the model itself says what it lacks
    why = {name: not_fed(model, SamplesMade.read(work.folder).features) for name, model in _unfitted(work).items()}
    return {name: reason for name, reason in why.items() if reason is not None}


def not_fed(model: Scorer, features: Sequence[str]) -> str | None:
    """Why samples with these features cannot feed a model, in words; None where they can."""
    lacking = [name for name in model.log_features() if name not in features] if isinstance(model, Baseline) else []
    return english("the training samples do not differ in {names}", names=", ".join(lacking)) if lacking else None


def _unfitted(work: Work) -> dict[str, Scorer]:
    if CleanLog.find(work.folder) is None:
        return models.unfitted(work.config.models, None, label_type(work))
    return models.unfitted(work.config.models, "session" if work.folder.exists(STEPS) else "user", label_type(work))


def kept_features(work: Work) -> tuple[str, ...] | None:
    """What feature selection kept; None where it was not asked for."""
    if "features" not in work.stage.follows or not work.folder.exists(FeaturesKept.path):
        return None
    return tuple(FeaturesKept.read(work.folder).kept)


def samples(work: Work, split: str | None = None, which: stored.Which = "samples") -> Samples:
    """Samples as models learn from them: what feature selection dropped is hidden from learning, not from people."""
    everything, kept = stored.load(work.folder, split, which), kept_features(work)
    return everything if kept is None else only(everything, list(kept))


def train(work: Work) -> Samples:
    """The training samples."""
    return work.at_hand("train", ("samples",), lambda: samples(work, "train"), kept_features(work))


def validation(work: Work) -> Samples:
    """The validation samples, which values are made on."""
    return work.at_hand("validation", ("samples",), lambda: samples(work, "validation"), kept_features(work))


def items(work: Work) -> pa.Table | None:
    """Clean items by code; None where the user's own table stands in for a log."""
    log = CleanLog.find(work.folder)
    return None if log is None else log.items


def item_names(work: Work) -> dict[int, str]:
    """Readable names of items by code."""
    log = CleanLog.find(work.folder)
    return {} if log is None else log.item_names


def task(work: Work) -> Task:
    """What is learnt; the stage declares TASK among what it reads."""
    table = work.config.table
    return Task.of(work.config.samples, own_labels=None if table is None else table.labels, deed=work.config.show.deed)


def label_type(work: Work) -> LabelType:
    """The kind of labels of the run's samples."""
    return stored.label_type_of(work.folder)


def wording(work: Work) -> Wording:
    """How people are told of the run's log; the stage declares WORDS among what it reads."""
    return Wording.of(work.folder, work.config)


def popularity(work: Work) -> NDArray[np.int64]:
    """(items,) what was taken in training, by item code: events where the log knows them, else positives."""
    table = items(work)
    learnt = train(work)
    if table is not None and (log := learnt.takings) is not None:
        return np.bincount(log.item[log.moment <= learnt.moment.max()], minlength=table.num_rows).astype(np.int64)
    if table is not None:
        size = table.num_rows
    else:
        size = pc.max(work.folder.read_table("samples/samples.parquet", ["item_code"]).column(0)).as_py() + 1
    return np.bincount(learnt.item, learnt.label, minlength=size).astype(np.int64)


def past(work: Work) -> Past:
    """What users took in training."""
    table = items(work)
    return Past.of_training(train(work), len(popularity(work)) if table is None else table.num_rows)


def holdout(work: Work, split: str) -> Holdout:
    """Where amounts are chosen ("tuning"), or what arms that were declared before are shown on ("test")."""
    settings = (kept_features(work), work.config.evaluate.model_dump_json(), work.config.seed)
    return work.at_hand(split, ("samples",), lambda: _holdout(work, split), *settings)


def _holdout(work: Work, split: str) -> Holdout:
    ranked = work.folder.exists(CANDIDATES)
    candidates = samples(work, split, "candidates") if ranked else None
    requests = work.folder.read_table("samples/requests.parquet") if ranked else None
    config = work.config
    return make_holdout(samples(work, split), candidates, requests, split, past(work), config.evaluate, config.seed)


def groups(work: Work, of: Samples) -> dict[str, list[str]]:
    """The group (n,) of each sample, by attribute, as [evaluate] groups names them; none where it names none."""
    names = work.config.evaluate.groups
    if not names:
        return {}
    table = work.folder.read_table(stored.file_of(GROUPS))
    rows = table.take(pc.index_in(pa.array(of.sample_id), table.column("sample_id").combine_chunks()))
    return {name: rows.column(name).to_pylist() for name in names}


def forget_samples(work: Work, *but: str) -> None:
    """Free samples, but for some splits: the next stage reads what it needs."""
    for name in ("train", "validation", "tuning", "test"):
        if name not in but:
            work.memory.forget(name)


def model(work: Work, name: str) -> Scorer:
    """A trained model; one that cannot be stored (a user's estimator) is fitted again."""
    if name in work.config.models.estimators:
        return estimator(work, name, train(work))
    return work.at_hand("model", ("samples", "train"), lambda: _loaded(work, name), name)


def chance(work: Work, name: str) -> Line:
    """What turns a trained model's probabilities into chances, as the validation set taught it; amounts stay as they are."""
    if not label_type(work).is_chance:
        return unchanged
    line = Chances.read(work.folder).models[name]
    return Platt(line.slope, line.shift)


def predict(work: Work, name: str, split: str) -> Predict:
    """A trained model's chances for a holdout; see `raw`."""
    predicted, line = raw(work, name, split), chance(work, name)
    return lambda samples: line(predicted(samples))


def raw(work: Work, name: str, split: str) -> Predict:
    """What a trained model predicts, before the validation set turns it into chances; made once for what a holdout holds."""
    fitted, held = model(work, name), holdout(work, split)

    def predicted(samples: Samples) -> NDArray[np.float64]:
        part = {id(held.samples): "samples", id(held.candidates): "candidates"}.get(id(samples))
        if part is None:
            return fitted.predict(samples)
        settings = (kept_features(work), name, split, part)
        return work.at_hand("predicted", ("samples", "train"), lambda: fitted.predict(samples), *settings)

    return predicted


def unchanged(predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a model predicted, as it is."""
    return predicted


def taught(work: Work, fitted: Scorer) -> Platt | None:
    """What the validation set says of how chances follow from a model's probabilities; None where it predicts amounts."""
    if not label_type(work).is_chance:
        return None
    later = validation(work)
    return Platt.of(fitted.predict(later), later.label, later.weight)


def chances(fitted: Scorer, line: Line | None) -> Predict:
    """What predicts a model's chances, or amounts."""
    if line is None:
        return fitted.predict
    return lambda samples: line(fitted.predict(samples))


def _loaded(work: Work, name: str) -> Scorer:
    """A stored model; one that reads texts of items has them again, for its twins."""
    stored_model = models.load(work.folder.directory(f"models/{name}"))
    if isinstance(stored_model, ReadsText):
        stored_model.item_texts_ = text_vectors(work)
    return stored_model


def estimator(work: Work, name: str, learnt: Samples) -> Scorer:
    """A user's estimator, fitted; it cannot be stored, so it is fitted once in a process."""
    settings = (name, sorted(learnt.hidden), work.config.models.model_dump_json(), work.config.seed)
    return work.at_hand("estimator", ("samples",), lambda: make(work, name).fit(learnt, rng=rng(work, TRAINING)), str(settings))


def make(work: Work, name: str) -> Scorer:
    """A model of the config, unfitted."""
    return models.make(name, work.config.models)


def fit(work: Work, model: Scorer, on: Samples, draws: np.random.Generator, training: Training = Training()) -> Scorer:
    """The model, fitted; a net as `training` says. One that reads texts of items is told them."""
    texts = text_vectors(work) if isinstance(model, ReadsText) else None
    return twins.fit(model, on, rng=draws, training=replace(training, texts=texts))


def text_vectors(work: Work) -> NDArray[np.float32] | None:
    """(items, v) vectors of the items' texts, by the config's embedder; None where the run knows no texts."""
    table = items(work)
    texts = [] if table is None else joined_texts(table)
    if not any(texts):
        return None
    embedder = kept_embedder(work.config.text.embedder, work.folder.cache("vectors")) or NGrams().fit(texts)
    return embedder.embed(texts)


def linear_name(work: Work) -> str:
    """Name of the model that the selection is refitted with."""
    return models.LINEAR[label_type(work).link]


def linear(work: Work) -> LinearModel:
    """The model that values are made with; ConfigError when it is not trained."""
    name = linear_name(work)
    if name not in names(work):
        raise ConfigError(f"[models] names: values and selection need {name!r}; add it")
    fitted = model(work, name)
    assert isinstance(fitted, LinearModel)
    return fitted


def precondition(work: Work) -> LinearModel:
    """The linear model with its inverted Hessian at hand, so that refits from it are alike whatever ran before."""
    fitted = linear(work)
    fitted.curve(train(work)).invert()
    return fitted


def retrained(work: Work, name: str, weight: NDArray[np.float64]) -> Scorer:
    """A trained model fitted again under other weights of the training samples; a neural one for as many passes."""
    return fitted_again(work, name, train(work).with_weight(weight))


def fitted_again(work: Work, name: str, changed: Samples) -> Scorer:
    """A trained model fitted again on changed training samples; a neural one for as many passes."""
    if name == linear_name(work):
        return refit(precondition(work), changed, changed.weight)
    return twins.refitted(model(work, name), changed, rng=rng(work, TRAINING))


def retraining(work: Work, name: str) -> Callable[[NDArray[np.float64]], Scorer]:
    """`retrained` of one model."""
    return lambda weight: retrained(work, name, weight)


def model_of(work: Work, valuer: str) -> str:
    """Name of the run's model that a valuer values samples for; ConfigError: the run trains no such model."""
    return valuers.model_of(valuer, unfitted_models(work))


def value(work: Work, name: str, on: Samples, draws: np.random.Generator) -> Importance:
    """Values of the training samples by a valuer, in the loss, for the model that it values them for.

    ConfigError: the run trains no such model.
    """
    valuer, fitted = valuers.make(name), model(work, model_of(work, name))
    return valuer.value(train(work), on, model=fitted, utility=label_type(work).loss, folds=work.config.value.folds, rng=draws)


def importance(work: Work, valuer: str) -> Importance:
    """Values as the stage `value` kept them."""
    return read_values(work.folder, valuer)


def valuer_seconds(work: Work) -> dict[str, Any]:
    """Seconds that the stage `value` spent on each valuer."""
    seconds: dict[str, Any] = work.earlier_costs.get(VALUER_SECONDS, {})
    return seconds
