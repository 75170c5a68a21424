"""A run's folder: artefacts that appear whole or not at all, a manifest of what made them, resume.

A stage is skipped when its fingerprint (config it reads, code version, fingerprints of its inputs) is the
one in the manifest and every artefact it made is still there. Costs live in cost.json only, so that
everything else has the same bytes whatever happened in between.
"""

import fcntl
import hashlib
import json
import math
import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import AssayError, InputError

FORMAT = 1


def digest(value: object) -> str:
    """SHA-256 (hex) of a JSON-serialisable value, keys sorted."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it becomes `path`, durably, else it is removed."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot write ({error.strerror or error}); free space or pick another folder") from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys, whole or not at all; NaN and infinities are refused."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def finite(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are NaN or infinite are null, tuples lists."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_parquet(path: Path, batches: pa.Table | Iterable[pa.RecordBatch], schema: pa.Schema | None = None) -> int:
    """Write a table or a stream of batches (then `schema` is required) as Parquet; return its rows."""
    if isinstance(batches, pa.Table):
        schema, batches = batches.schema, batches.to_batches(max_chunksize=1 << 20)
    assert schema is not None
    rows = 0
    with whole_file(path) as partial, pq.ParquetWriter(partial, schema, compression="zstd", compression_level=1) as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


class Run:
    """A run's folder. `run.path("importance/loss.parquet")` names an artefact in it."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.reused: list[str] = []

    def path(self, name: str) -> Path:
        """Full path of an artefact."""
        return self.folder / name

    def read_json(self, name: str) -> Any:
        """Content of a JSON artefact; InputError when the stage that makes it has not run."""
        try:
            return json.loads(self.path(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{self.path(name)}: not there; run the earlier stages first: assay run CONFIG") from None
        except json.JSONDecodeError as error:
            raise InputError(f"{self.path(name)}: not JSON ({error}); delete it and run again") from None

    def read_table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """A Parquet artefact as an Arrow table; InputError when the stage that makes it has not run."""
        if not self.path(name).exists():
            raise InputError(f"{self.path(name)}: not there; run the earlier stages first: assay run CONFIG")
        return pq.read_table(self.path(name), columns=columns)

    @property
    def manifest(self) -> dict[str, Any]:
        """What made the artefacts: {format, stages: {name: {fingerprint, artefacts: {file: sha256}}}}."""
        path = self.path("manifest.json")
        if not path.exists():
            return {"format": FORMAT, "stages": {}}
        manifest: dict[str, Any] = self.read_json("manifest.json")
        if manifest.get("format") != FORMAT:
            raise InputError(f"{path}: format {manifest.get('format')} is not {FORMAT}; use a new run folder")
        return manifest

    def update_manifest(self, **entries: object) -> None:
        """Merge entries into the manifest."""
        write_json(self.path("manifest.json"), self.manifest | entries)

    def output_digest(self, stage: str) -> str:
        """Fingerprint of everything that a finished stage made."""
        stages = self.manifest["stages"]
        if stage not in stages:
            raise AssayError(f"stage {stage!r} has not run in {self.folder}")
        return digest(stages[stage]["artefacts"])

    def stage(self, name: str, fingerprint: str, work: Callable[[], Iterable[str]]) -> bool:
        """Run `work` unless its artefacts stand already; return whether it ran.

        work() returns the names of the artefacts it wrote. The manifest names a stage only after all of
        them are durable, so a kill at any moment leads to the stage being done again.
        """
        known = self.manifest["stages"].get(name)
        if known and known["fingerprint"] == fingerprint and all(self.path(a).exists() for a in known["artefacts"]):
            self.reused.append(name)
            return False
        started = time.perf_counter()
        artefacts = {artefact: file_digest(self.path(artefact)) for artefact in work()}
        stages = self.manifest["stages"] | {name: {"fingerprint": fingerprint, "artefacts": artefacts}}
        self.update_manifest(stages=stages)
        self._record_cost(name, time.perf_counter() - started)
        return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from working in the folder; InputError when one does. A kill lets go of it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = self.path(".lock").open("w")
        except OSError as error:
            raise InputError(f"{self.folder}: cannot write ({error.strerror}); pick another folder") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{self.folder}: another run is at work there; wait for it, or take another folder") from None
            yield

    def cost(self) -> dict[str, Any]:
        """What cost.json holds: seconds of stages, peak memory, and what was recorded besides."""
        path = self.path("cost.json")
        return json.loads(path.read_text()) if path.exists() else {"seconds": {}, "peak_rss_mb": 0.0}

    def record(self, name: str, cost: object) -> None:
        """Keep a cost besides those of the stages in cost.json."""
        write_json(self.path("cost.json"), self.cost() | {name: cost})

    def _record_cost(self, stage: str, seconds: float) -> None:
        cost = self.cost()
        cost["seconds"][stage] = round(seconds, 3)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cost["peak_rss_mb"] = round(max(cost["peak_rss_mb"], peak), 1)
        write_json(self.path("cost.json"), cost)
