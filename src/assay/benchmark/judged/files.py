"""Files of judgements: which format one is in, read and written."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from assay.benchmark.judged import opensearch, qrels, quepid, rre
from assay.errors import InputError, SourceError, did_you_mean

FORMATS: dict[str, Callable[[pa.Table, Path], list[Path]]] = {
    "qrels": qrels.write,
    "quepid": quepid.write,
    "rre": rre.write,
    "opensearch": opensearch.write,
}
_SUFFIXES = {".qrels": "qrels", ".csv": "quepid"}


def write(table: pa.Table, path: Path, format: str | None = None) -> list[Path]:
    """Write a table of PAIRS in a format, by default the one of the file's suffix; return the files.

    InputError: no such format, a suffix that names none, a file that is there already, or what the format cannot hold.
    """
    format = format or _SUFFIXES.get(path.suffix)
    if format is None:
        raise InputError(f"{path}: its suffix names no format of judgements; give one of {', '.join(FORMATS)}")
    if format not in FORMATS:
        raise InputError(f"format {format!r} is not known{did_you_mean(format, FORMATS)}; there are {', '.join(FORMATS)}")
    for file in (path, qrels.topics_path(path)) if format == "qrels" else (path,):
        if file.exists():
            raise InputError(f"{file}: is there already; give another name")
    return FORMATS[format](table, path)


def shape_of(path: Path) -> str | None:
    """The format of a file of judgements by its suffix and first look; None for a file of another kind. OSError: no such file."""
    if path.suffix == ".json":
        return "json"
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            head = stream.readline().strip().replace('"', "").split(",")
        return "quepid" if {*quepid.COLUMNS} <= {*head} else None
    return "qrels" if path.suffix in (".qrels", ".txt", ".trec") else None


def read(path: Path, shape: str | None = None) -> pa.Table:
    """PAIRS of a file of judgements. SourceError: it cannot be read, or is none."""
    try:
        shape = shape or shape_of(path)
        if shape == "json":
            return _json(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error}); give a file of judgements") from None
    if shape is None:
        raise SourceError(
            f"{path}: is no file of judgements; there are TREC's .qrels, Quepid's .csv, RRE's and OpenSearch's .json"
        )
    return qrels.read(path) if shape == "qrels" else quepid.read(path)


def _json(path: Path) -> pa.Table:
    try:
        content = json.loads(path.read_bytes())
        kind: type[opensearch.Judgments | rre.Ratings] = opensearch.Judgments if "judgmentRatings" in content else rre.Ratings
        return kind.model_validate(content).table()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SourceError(f"{path}: {where}: {first['msg']}; is it RRE's or OpenSearch's?") from None
    except (ValueError, TypeError, InputError) as error:
        raise SourceError(f"{path}: is no file of judgements ({error})") from None
