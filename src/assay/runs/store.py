"""Files that appear whole or not at all, digests, and a folder of artefacts as code reads it."""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import InputError
from assay.language import english

_PARTIAL = ".partial"


def digest(value: object) -> str:
    """SHA-256 (hex) of a JSON-serialisable value, keys sorted."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def whole_name(name: str) -> str:
    """The artefact that a file is, or that it was to become when `whole_file` was killed."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file[1:].removesuffix(_PARTIAL) if file.startswith(".") and file.endswith(_PARTIAL) else name


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it becomes `path`, durably, else it is removed."""
    partial = path.with_name(f".{path.name}{_PARTIAL}")
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


def write_parquet(
    path: Path, batches: pa.Table | Iterable[pa.RecordBatch], schema: pa.Schema | None = None, *, group: int = 1 << 20
) -> int:
    """Write a table or a stream of batches (then `schema` is required) as Parquet; return its rows.

    group: rows of a table that are read together; few suit who reads a few rows at a time, and take more room. Floats have no
    dictionary: looking for one takes longer than all else, and few of them repeat.
    """
    if isinstance(batches, pa.Table):
        schema, batches = batches.schema, batches.to_batches(max_chunksize=group)
    assert schema is not None
    rows, settings = 0, {"compression": "zstd", "compression_level": 1}
    repeating = [field.name for field in schema if not pa.types.is_floating(field.type)]
    with whole_file(path) as partial, pq.ParquetWriter(partial, schema, use_dictionary=repeating, **settings) as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


class Folder:
    """A folder of artefacts. `folder.path("importance/loss.parquet")` names one of them."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def path(self, name: str) -> Path:
        """Full path of an artefact."""
        return self.folder / name

    def directory(self, name: str) -> Path:
        """Full path of a directory of artefacts."""
        return self.folder / name

    def exists(self, name: str) -> bool:
        """Whether an artefact is there."""
        return self.path(name).exists()

    def cache(self, name: str) -> Path:
        """A folder for what is kept only to save time, by its content: no artefact, and safe to delete."""
        return self.folder / "cache" / name

    def read_json(self, name: str) -> Any:
        """Content of a JSON artefact; InputError when it is not there, or is no JSON."""
        path = self.path(name)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise missing(path) from None
        except ValueError as error:
            raise InputError(f"{path}: not JSON ({error}); delete it and run again") from None

    def read_table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """A Parquet artefact as an Arrow table, or some columns of it; InputError when it is not there."""
        path = self.path(name)
        if not path.exists():
            raise missing(path)
        return pq.read_table(path, columns=columns)


def missing(path: Path) -> InputError:
    """The error of an artefact that is not there."""
    return InputError(english("{name}: not there; run the earlier stages first: assay run CONFIG", name=path))
