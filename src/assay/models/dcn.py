"""DCN-v2: a deep and cross network over labelled samples, features crossed by learnt matrices."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from assay.deep.fields import Fields
from assay.deep.rows import ArrayRows, Batch, ParquetRows, Rows
from assay.deep.training import Net, Schedule
from assay.errors import InputError
from assay.models.files import read_model, write_model
from assay.models.neural import EARLIER, Neural, early_and_late, exact
from assay.models.scorer import BATCH, Training, Vector, not_fitted, training_rows
from assay.samples.table import NOT_FEATURES, Samples


class DcnNet(Net):
    """Embeddings of categories beside numbers; cross layers and deep layers in parallel; one linear head."""

    def __init__(self, sizes: list[int], numbers: int, factors: int, crosses: int, hidden: int) -> None:
        super().__init__()
        self.table = nn.Embedding(max(sum(sizes), 1), factors)
        nn.init.normal_(self.table.weight, std=0.05)
        width = len(sizes) * factors + numbers
        self.crosses = nn.ModuleList(nn.Linear(width, width) for _ in range(crosses))
        self.first, self.second = nn.Linear(width, hidden), nn.Linear(hidden, hidden)
        self.head = nn.Linear(width + hidden, 1)

    def represent(self, batch: Batch) -> torch.Tensor:
        """(B, width + hidden): what the head is given."""
        fields = self.table(batch["codes"]).flatten(1)  # (B, C * factors)
        x0 = torch.cat([fields, batch["numbers"].to(fields.dtype)], 1)
        crossed = x0
        for layer in self.crosses:
            crossed = x0 * layer(crossed) + crossed
        deep = functional.relu(self.second(functional.relu(self.first(x0))))
        return torch.cat([crossed, deep], 1)

    def margins(self, batch: Batch) -> torch.Tensor:
        """(B,) log-odds of label 1."""
        return self.head(self.represent(batch))[:, 0]  # type: ignore[no-any-return]

    def losses(self, batch: Batch) -> torch.Tensor:
        """(B,) log-loss."""
        margin = self.margins(batch)
        return functional.binary_cross_entropy_with_logits(margin, batch["label"].to(margin.dtype), reduction="none")


_KEYS = ("split", "period", "label", "weight")
_LEARNT = 300_000  # rows of files that fields are learnt from


class Dcn(Neural):
    """DCN-v2 (Wang et al., "DCN V2: Improved deep & cross network", WWW 2021), in its parallel form, full-rank crosses.

    Categories, ids among them, that are seen in fewer than `rare` training rows share one embedding.
    """

    name = "dcn"

    def __init__(
        self, factors: int = 16, crosses: int = 2, hidden: int = 128, rare: int = 20, rate: float = 1e-3, decay: float = 1e-3,
        batch: int = 2048, epochs: int = 10,
    ) -> None:  # fmt: skip
        self.factors, self.crosses, self.hidden, self.rare = factors, crosses, hidden, rare
        self.schedule = Schedule(epochs, batch, rate, decay, patience=1)
        self.fields_: Fields | None = None
        self.net_: DcnNet | None = None

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        s = self.schedule
        own = {"factors": self.factors, "crosses": self.crosses, "hidden": self.hidden, "rare": self.rare}
        return own | {"rate": s.rate, "decay": s.decay, "batch": s.batch, "epochs": s.epochs}

    def fresh(self) -> Self:
        """An unfitted twin with the same settings."""
        return type(self)(**self.settings())

    def fit(self, samples: Samples, *, rng: np.random.Generator, training: Training = Training()) -> Self:
        """Learn the log-loss under the weights; stopped early on the last fifth of the training rows' periods."""
        kept = training_rows(samples, self.name)
        train = samples.take(kept)
        self.fields_ = Fields.learn(train, self.rare)
        every = self._rows(train, kept)
        seed, sides = int(rng.integers(2**31)), early_and_late(train.period, train.label)
        passes = training.passes or self.schedule.epochs
        if training.passes is None and sides is not None:
            early, late = (every.take(np.flatnonzero(side)) for side in sides)
            passes = self.pilot(early, late, seed, training)
        return self.learn(every, passes, seed, training)

    def pilot(self, early: Rows, late: Rows, seed: int, training: Training) -> int:
        """After how many passes over early rows the loss of late ones is lowest; the net that tells is not kept."""
        self.stop_early(self._build, early, late, seed, training)
        return self.best_pass()

    def learn(self, rows: Rows, passes: int, seed: int, training: Training) -> Self:
        """Learn from all rows for so many passes."""
        self.net_ = self.learn_all(self._build, rows, passes, seed, training)
        return self

    def fit_files(
        self, files: Sequence[Path], *, rng: np.random.Generator, split: str = "train", training: Training = Training()
    ) -> Self:
        """As `fit`, on one split of Parquet files of samples (samples.table() or a run's samples.parquet), read in batches.

        For samples larger than memory: fields are learnt from the split's rows of at most 300,000 rows of the files, spread
        evenly. InputError: a column is missing, or no row of the split has a weight above 0.
        """
        self.fields_ = Fields.learn(_spread(files, split), self.rare)
        period = np.concatenate([_of_split(pq.read_table(f, columns=["split", "period"]), split, "period") for f in files])
        if not len(period):
            raise InputError(f"{self.name}: no row of the files is of the split {split!r}; name one of theirs")
        cut = np.quantile(period, EARLIER, method="lower")
        early, late, every = (self._file_rows(files, split, low, high) for low, high in ((-1, cut), (cut, None), (-1, None)))
        seed, passes = int(rng.integers(2**31)), training.passes or self.schedule.epochs
        if training.passes is None and period.max() > cut:
            passes = self.pilot(early, late, seed, training)
        return self.learn(every, passes, seed, training)

    def _file_rows(self, files: Sequence[Path], split: str, after: int, until: int | None) -> ParquetRows:
        """Rows of files; those of other splits, or outside (after, until], weigh 0."""
        fields = self._fitted_fields()

        def encode(part: pa.Table) -> dict[str, NDArray[Any]]:
            period = part.column("period").to_numpy()
            inside = pc.equal(part.column("split"), split).to_numpy() & (period > after)
            if until is not None:
                inside &= period <= until
            weight = np.where(inside, part.column("weight").to_numpy(), 0).astype(np.float32)
            return fields.encode(part) | {"label": part.column("label").to_numpy().astype(np.float32), "weight": weight}

        return ParquetRows(tuple(files), (*_KEYS, *fields.names), encode)

    def _build(self) -> DcnNet:
        fields = self._fitted_fields()
        return DcnNet(fields.sizes, fields.width, self.factors, self.crosses, self.hidden)

    def _rows(self, samples: Samples, place: NDArray[np.int64]) -> ArrayRows:
        columns: dict[str, NDArray[Any]] = dict(self._fitted_fields().encode(samples.features))
        columns |= {"label": samples.label.astype(np.float32), "weight": samples.weight.astype(np.float32), "row": place}
        return ArrayRows(columns)

    def rows(self, samples: Samples) -> ArrayRows:
        """The samples as the net takes them, in their order."""
        return self._rows(samples, np.arange(len(samples)))

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities of label 1."""
        margins = self._each(samples, exact(self.net()), "margins").ravel()
        return np.asarray(1.0 / (1.0 + np.exp(-margins)))

    def represent(self, samples: Samples) -> Vector:
        """(n, d) what the head is given."""
        return self._each(samples, exact(self.net()), "represent")

    def head(self) -> Vector:
        """(d + 1,) coefficients of the head, the intercept last."""
        last = self.net().head
        return np.append(last.weight.detach().double().numpy().ravel(), last.bias.detach().double().numpy())

    @torch.no_grad()
    def _each(self, samples: Samples, net: DcnNet, what: str) -> Vector:
        fields, parts = self._fitted_fields(), []
        for low in range(0, len(samples), BATCH // 8):
            rows = ArrayRows(fields.encode(samples.features.slice(low, BATCH // 8)))
            parts += [getattr(net, what)(batch).numpy() for batch in rows.batches(BATCH, None)]
        if not parts:
            return np.empty((0, net.head.in_features) if what == "represent" else 0)
        return np.concatenate(parts)

    def net(self) -> DcnNet:
        """The fitted net; InputError before fit."""
        if self.net_ is None:
            raise not_fitted(self.name)
        return self.net_

    def _fitted_fields(self) -> Fields:
        if self.fields_ is None:
            raise not_fitted(self.name)
        return self.fields_

    def save(self, folder: Path) -> list[Path]:
        """Write model.json (settings, fields) and the weights as safetensors."""
        net = self.net()
        described = write_model(folder, self.name, {"settings": self.settings(), "fields": self._fitted_fields().describe()}, {})
        return [*described, *self.write_net(folder, net)]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote; InputError when its weights are of another model or of other features."""
        content = read_model(folder)
        if content.get("model") != cls.name:
            raise InputError(f"{folder}: holds a model {content.get('model')!r}, not {cls.name!r}; give its own folder")
        model = cls(**content["settings"])
        model.fields_ = Fields.described(content["fields"])
        model.net_ = model.read_net(folder, model._build())
        return model


def _of_split(part: pa.Table, split: str, name: str) -> NDArray[Any]:
    return np.asarray(part.filter(pc.equal(part.column("split"), split)).column(name).to_numpy())


def _spread(files: Sequence[Path], split: str) -> Samples:
    """Some rows of a split, spread evenly over the files."""
    rows = sum(pq.ParquetFile(path).metadata.num_rows for path in files)
    step, parts = max(1, rows // _LEARNT), []
    for path in files:
        for part in pq.ParquetFile(path).iter_batches():
            rows_of_split = pa.Table.from_batches([part])
            rows_of_split = rows_of_split.filter(pc.equal(rows_of_split.column("split"), split))
            parts.append(rows_of_split.take(pa.array(np.arange(0, rows_of_split.num_rows, step))))
    table = pa.concat_tables(parts).unify_dictionaries()
    keys = [name for name in table.column_names if name in NOT_FEATURES]
    return Samples(table.select(keys), table.drop_columns(keys))
