"""A run in memory: what stages read of it, made once and kept."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import Config
from assay.errors import ConfigError
from assay.evaluation.holdout import Holdout, holdout
from assay.importance import named as valuers
from assay.importance.named import VALUED
from assay.importance.valuer import Importance
from assay.models import named as models
from assay.models.logistic import LogisticRegression
from assay.models.recommender import ReadsText
from assay.models.scorer import Scorer
from assay.runs.store import Run
from assay.samples import build
from assay.samples.encoder import only
from assay.samples.match import joined_texts
from assay.samples.table import Samples
from assay.text.cache import kept_embedder
from assay.text.ngrams import NGrams
from assay.trials.curve import refit
from assay.trials.transfer import unfitted

Report = Callable[[str, int, int | None], None]
SERVED = "lightgbm"  # the other model that they are tried on
FEATURES = "models/features.json"  # what feature selection kept
VALUER_SECONDS = "valuers"  # of cost.json: seconds of each valuer
_DRAWS = ("train", "value", "recommend")  # stages that draw at random


class Workbench:
    """A run in memory: samples and models are read once, when a stage first asks for them."""

    def __init__(self, config: Config, run: Run, report: Report) -> None:
        self.config, self.run, self.report = config, run, report
        self._models: dict[str, Scorer] = {}
        self._importance: dict[str, Importance] = {}

    @property
    def names(self) -> list[str]:
        """Every model that is trained, ours and the user's own."""
        return list(dict.fromkeys([*self.config.models.names, *self.config.models.estimators]))

    def load(self, split: str | None = None, which: build.Which = "samples") -> Samples:
        """Samples as models learn from them: what feature selection dropped is hidden from learning, not from people."""
        samples = build.load(self.run, split, which)
        if self.config.models.feature_selection == "none" or not self.run.path(FEATURES).exists():
            return samples
        return only(samples, self.run.read_json(FEATURES)["kept"])

    @cached_property
    def train(self) -> Samples:
        """The training samples."""
        return self.load("train")

    @cached_property
    def items(self) -> pa.Table | None:
        """Clean items by code; None where the user's own table stands in for a log."""
        return self.run.read_table("clean/items.parquet") if self.config.log is not None else None

    @cached_property
    def item_names(self) -> dict[int, str]:
        """Readable names of items by code."""
        if self.items is None:
            return {}
        shown = self.items.column("name").to_pylist()
        return {code: name for code, name in enumerate(shown) if name}

    @cached_property
    def popularity(self) -> NDArray[np.int64]:
        """(items,) training positives by item code."""
        if self.items is not None:
            size = self.items.num_rows
        else:
            size = pc.max(self.run.read_table("samples/samples.parquet", ["item_code"]).column(0)).as_py() + 1
        return np.bincount(self.train.item, self.train.label, minlength=size).astype(np.int64)

    @cached_property
    def tuning(self) -> Holdout:
        """Where amounts are chosen."""
        return self._holdout("tuning")

    @cached_property
    def test(self) -> Holdout:
        """Read once, by arms that were declared before."""
        return self._holdout("test")

    def _holdout(self, split: str) -> Holdout:
        ranked = self.run.path("samples/candidates.parquet").exists()
        candidates = self.load(split, "candidates") if ranked else None
        requests = self.run.read_table("samples/requests.parquet") if ranked else None
        config = self.config
        return holdout(self.load(split), candidates, requests, split, self.popularity, config.evaluate, config.seed)

    def model(self, name: str) -> Scorer:
        """A trained model; one that cannot be stored (a user's estimator) is fitted again."""
        if name not in self._models:
            if name in self.config.models.estimators:
                self._models[name] = self.make(name).fit(self.train, rng=self.rng("train"))
            else:
                self._models[name] = self._reading(models.load(self.run.path(f"models/{name}")))
        return self._models[name]

    def make(self, name: str) -> Scorer:
        """A model of the config, to be fitted; one that reads texts of items has them."""
        return self._reading(models.make(name, self.config.models))

    def _reading(self, model: Scorer) -> Scorer:
        if isinstance(model, ReadsText) and self.text_vectors is not None:
            model.knowing_text(self.text_vectors)
        return model

    @cached_property
    def text_vectors(self) -> NDArray[np.float32] | None:
        """(items, v) vectors of the items' texts, by the config's embedder; None where the run knows no texts."""
        texts = [] if self.items is None else joined_texts(self.items)
        if not any(texts):
            return None
        model = kept_embedder(self.config.text.embedder, self.run.folder) or NGrams().fit(texts)
        return model.embed(texts)

    def keep(self, name: str, model: Scorer) -> None:
        """Have a model at hand that was just trained."""
        self._models[name] = model

    def forget(self) -> None:
        """Free samples and values: the next stage reads what it needs."""
        for name in ("train", "tuning", "test"):
            self.__dict__.pop(name, None)
        self._importance.clear()

    @property
    def linear(self) -> LogisticRegression:
        """The model that values are made with; ConfigError when it is not trained."""
        if VALUED not in self.config.models.names:
            raise ConfigError(f"[models] names: values and selection need {VALUED!r}; add it")
        model = self.model(VALUED)
        assert isinstance(model, LogisticRegression)
        return model

    def value(self, name: str, validation: Samples, rng: np.random.Generator) -> Importance:
        """Values of the training samples by a valuer, in log-loss, for the model that it values them for.

        ConfigError: the run trains no such model.
        """
        valuer, model = valuers.make(name), valuers.model_of(name)
        if model != VALUED and model not in self.names:
            raise ConfigError(f"[models] names: {name} values samples for {model!r}; add it")
        fitted = self.linear if model == VALUED else self.model(model)
        return valuer.value(self.train, validation, model=fitted, utility="log_loss", folds=self.config.value.folds, rng=rng)

    def retrained(self, name: str, weight: NDArray[np.float64]) -> Scorer:
        """A trained model fitted again under other weights of the training samples; a neural one for as many passes."""
        if name == VALUED:
            return refit(self.precondition(), self.train, weight)
        return unfitted(self.model(name)).fit(self.train.with_weight(weight), rng=self.rng("train"))

    def precondition(self) -> LogisticRegression:
        """The linear model with its inverted Hessian at hand, so that refits from it are alike whatever ran before."""
        self.linear.curve(self.train).invert()
        return self.linear

    def importance(self, valuer: str) -> Importance:
        """Values as the stage `value` stored them."""
        if valuer not in self._importance:
            file = values_file(valuer)
            table = self.run.read_table(f"{file}.parquet")
            folds = None
            if self.run.path(f"{file}_folds.parquet").exists():
                stored = self.run.read_table(f"{file}_folds.parquet")
                folds = np.stack([stored.column(name).to_numpy() for name in stored.column_names])
            metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items() if k != b"ARROW:schema"}
            ids, value = (table.column(name).to_numpy() for name in ("sample_id", "value"))
            self._importance[valuer] = Importance(ids, value, folds, metadata)
        return self._importance[valuer]

    def hold(self, valuer: str, values: Importance) -> None:
        """Have values at hand that were just made."""
        self._importance[valuer] = values

    def rng(self, stage: str) -> np.random.Generator:
        """A generator of the stage's own, so that one stage's draws do not move another's."""
        return np.random.default_rng([self.config.seed, _DRAWS.index(stage)])


def values_file(valuer: str) -> str:
    """Where a valuer's values are kept in a run, without the suffix; a dotted path has no colon there."""
    return f"importance/{valuer.replace(':', '.')}"
