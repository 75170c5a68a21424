"""A run opened to be read: its artefacts as its manifest lists them, without a lock, the log, or anything that the config names.

While another process works in the folder, what is read is of one run or an error: never a mixture.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import dataset

from assay.config import Config, parse
from assay.errors import InputError, MadeAgainError
from assay.importance.stored import read_values
from assay.importance.valuer import Importance
from assay.language import english
from assay.logs.clean_log import CleanLog
from assay.models.scorer import Scorer
from assay.pages.samples import FeaturesKept
from assay.runs.costs import read_costs
from assay.runs.graph import CONFIG
from assay.runs.manifest import Entry, Manifest
from assay.runs.store import Folder, missing
from assay.samples import stored
from assay.samples.encoder import only
from assay.samples.table import Samples
from assay.task import Task

T = TypeVar("T")


class Finished(Folder):
    """A run's folder, read-only and lazy. InputError where no run is."""

    def __init__(self, folder: Path | str) -> None:
        super().__init__(folder)
        self._at_hand: dict[object, Any] = {}
        if not self.folder.exists():
            raise InputError(f"{folder}: no such folder; make a run first: assay run CONFIG --folder {folder}")
        if not self.folder.is_dir():
            raise InputError(f"{folder}: is a file; give the folder of a run")
        if not (self.folder / CONFIG).exists():
            raise InputError(f"{folder}: holds no run; make one: assay run CONFIG --folder {folder}")
        self.stages: dict[str, Entry] = dict(Manifest.read(self).entries)  # what each finished stage made, as of now
        self.config = self._config()
        if self.stages != Manifest.read(self).entries:
            raise self._moved()

    def _config(self) -> Config:
        """The resolved config that the run was made with, without passwords."""
        return parse(Folder(self.folder).read_json(CONFIG), str(self.folder / CONFIG))

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {name: sha for entry in self.stages.values() for name, sha in entry.artefacts.items()}

    def path(self, name: str) -> Path:
        """Full path of an artefact; InputError where no finished stage made it."""
        if name not in self._digests:
            raise missing(self.folder / name)
        return self.folder / name

    def directory(self, name: str) -> Path:
        """Full path of a directory of artefacts; InputError where no finished stage made one in it."""
        return self.folder / name if any(file.startswith(f"{name}/") for file in self._digests) else self.path(name)

    def exists(self, name: str) -> bool:
        """Whether a finished stage made the artefact."""
        return name in self._digests

    def at_hand(self, make: Callable[["Finished"], T]) -> T:
        """What `make` makes of this run, as a class that reads it does: made when first asked for, and kept with the run."""
        if make not in self._at_hand:
            self._at_hand[make] = make(self)
        kept: T = self._at_hand[make]
        return kept

    def read_json(self, name: str) -> Any:
        """Content of a JSON artefact; InputError when no finished stage made it, or it was made again meanwhile."""
        return self._steady(name, lambda: super(Finished, self).read_json(name))

    def read_table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """A Parquet artefact, or some columns of it; errors as `read_json`."""
        return self._steady(name, lambda: super(Finished, self).read_table(name, columns))

    def load(self, name: str, load: Callable[[Path], T]) -> T:
        """What `load` makes of a directory of artefacts; errors as `read_json`."""
        folder = self.directory(name)
        return self._whole([file for file in self._digests if file.startswith(f"{name}/")], lambda: load(folder))

    def head(self, name: str, rows: int) -> pa.Table:
        """The first rows of a Parquet artefact; errors as `read_json`."""
        return self._steady(name, lambda: dataset.dataset(self.folder / name).head(rows))

    def _steady(self, name: str, read: Callable[[], T]) -> T:
        self.path(name)
        return self._whole([name], read)

    def _whole(self, names: Sequence[str], read: Callable[[], T]) -> T:
        """What is read of some artefacts; InputError when they are others now than when the run was opened."""
        try:
            content = read()
        except OSError:
            raise self._moved() from None
        now = {artefact: sha for entry in Manifest.read(self).entries.values() for artefact, sha in entry.artefacts.items()}
        if any(now.get(name) != self._digests[name] for name in names):
            raise self._moved()
        return content

    def _moved(self) -> MadeAgainError:
        return MadeAgainError(
            english("{name}: the run was made again while it was read; wait for it to end, then open it again", name=self.folder)
        )

    def costs(self) -> dict[str, Any]:
        """Seconds of stages, peak memory, and what stages recorded besides."""
        return read_costs(self.folder)

    def samples(
        self,
        split: str | None = None,
        which: stored.Which = "samples",
        *,
        names: Sequence[str] | None = None,
        request: int | None = None,
    ) -> Samples:
        """Samples of a split as models learnt from them, or what was ranked ("candidates", "upcoming").

        names: only these features. request: the rows of one request.
        """
        file = stored.file_of(which)
        everything = self._steady(file, lambda: stored.load(self, split, which, names, request))
        return only(everything, FeaturesKept.read(self).kept) if self.exists(FeaturesKept.path) else everything

    @cached_property
    def train(self) -> Samples:
        """The training samples."""
        return self.samples("train")

    def model(self, name: str) -> Scorer:
        """A trained model. InputError: the run has none of that name; an estimator of the user's own is not stored."""
        if not self.exists(f"models/{name}/model.json"):
            raise InputError(f"{self.folder}: holds no model {name!r}")
        from assay.models import named  # now: it loads the libraries of all models

        return self.load(f"models/{name}", named.load)

    def importance(self, valuer: str | None = None) -> Importance:
        """Values of the training samples, by default those that the selection was made by."""
        return read_values(self, valuer or self.config.select.valuer)

    @cached_property
    def log(self) -> CleanLog | None:
        """The clean log; None where the user's own table stands in for one."""
        return CleanLog.find(self)

    @cached_property
    def task(self) -> Task:
        """What the run learnt, and its words."""
        table = self.config.table
        return Task.of(self.config.samples, own_labels=None if table is None else table.labels, deed=self.config.show.deed)

    @cached_property
    def items(self) -> pa.Table | None:
        """Clean items by code; None where the user's own table stands in for a log."""
        return None if self.log is None else self.log.items

    @cached_property
    def item_names(self) -> dict[int, str]:
        """Readable names of items by code."""
        return {} if self.log is None else self.log.item_names
