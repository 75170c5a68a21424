"""JSON files, plain or compressed: one object per line, or one array of objects."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assay import engines
from assay.engines.engine import EngineError, literal
from assay.errors import SourceError
from assay.logs.sources import encodings
from assay.logs.sources.base import check_columns, not_read, shorten
from assay.logs.sources.places import Place

BLOCK_BYTES = 16 << 20
_LOOK = 100  # objects whose keys are the columns
_DEEPEST = 20  # keys of a path: what lies deeper is given as JSON


class JsonLinesFile:
    """JSON objects; every value is given as text, a key that is not there as null. A key within an object is named by its path,
    "event.position"; a list is given as its JSON.
    """

    def __init__(self, path: Place | Path | str, *, encoding: str | None = None, start: int = 0, first_row: int = 1) -> None:
        self.place = Place.of(path)
        self.name, self.encoding = self.place.name, encoding
        self.start, self.first_row = start, first_row

    def rows(self) -> int | None:
        """Unknown until read."""
        return None

    def columns(self) -> list[str]:
        """Keys of the first hundred objects, in order of appearance; of a key that holds an object, its keys."""
        names: dict[str, None] = {}
        first = next(self._lines(0), pa.array([], pa.string()))
        for row, line in enumerate(first[:_LOOK].to_pylist(), 1):
            try:
                value = json.loads(line) if line.strip() else {}
            except (ValueError, RecursionError) as error:
                raise SourceError(f"{self.name}: row {row} is not JSON ({error}): {shorten(line)}") from None
            if not isinstance(value, dict):
                raise SourceError(f"{self.name}: row {row} is not a JSON object: {shorten(line)}; one object per line")
            names.update(dict.fromkeys(_paths("", value)))
        if not names:
            raise SourceError(f"{self.name}: is empty; remove it from path or export it again")
        return list(names)

    def _lines(self, start: int) -> Iterator[pa.Array]:
        """Objects as text arrays; the line break is gone, blank lines stay."""
        self.place.require()
        number, rest, begun = 0, b"", start > 0
        try:
            with encodings.text(self.place, self.encoding, start) as stream:
                while block := stream.read(BLOCK_BYTES):
                    if not begun:
                        block, begun = block.removeprefix(b"\xef\xbb\xbf"), True
                        if block.lstrip().startswith(b"["):
                            yield from self._array(block + stream.read())
                            return
                    *lines, rest = (rest + block).split(b"\n")
                    if lines:
                        yield self._decoded(lines, number)
                        number += len(lines)
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise not_read(self.name, error) from None
        if rest.strip():
            yield self._decoded([rest], number)

    def _array(self, content: bytes) -> Iterator[pa.Array]:
        """The objects of a file that is one array, which is read whole."""
        try:
            values = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{self.name}: is not JSON ({str(error)[:160]}); give one object per line, or one array") from None
        for begin in range(0, len(values), 1 << 16):
            yield pa.array([json.dumps(value, ensure_ascii=False) for value in values[begin : begin + (1 << 16)]], pa.string())

    def _decoded(self, lines: list[bytes], before: int) -> pa.Array:
        try:
            return pa.array(lines, pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:
            at = next(k for k, line in enumerate(lines) if not encodings.is_utf8(line))
            raise encodings.not_utf8(self.place, lines[at], before + self.first_row + at) from None

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns as text; each line is parsed once."""
        seen = [False] * len(columns)
        row = self.first_row
        with closing(engines.connect()) as engine:
            for lines in self._lines(self.start):
                engine.lend("lines", pa.table({"line": lines}))
                try:
                    table = engine.table(_select(columns))
                except EngineError as error:
                    raise SourceError(
                        f"{self.name}: rows {row} to {row + len(lines) - 1}: cannot be read ({str(error)[:120]})"
                    ) from None
                blank = pc.equal(pc.utf8_trim_whitespace(lines), "")
                wrong = pc.and_(pc.invert(table["sound"].combine_chunks()), pc.invert(blank))
                first = pc.index(wrong, True).as_py()
                if first >= 0:
                    raise SourceError(
                        f"{self.name}: row {row + first} is not a JSON object: {shorten(lines[first].as_py())}; "
                        "give one object per line"
                    )
                row += len(lines)
                kept = table.select([str(k) for k in range(len(columns))]).filter(pc.invert(blank))
                seen = [s or kept[k].null_count < len(kept) for k, s in enumerate(seen)]
                yield from kept.combine_chunks().to_batches()
        absent = [column for column, there in zip(columns, seen, strict=True) if not there]
        if absent and self.start == 0:
            check_columns(self.name, absent, self._keys())

    def _keys(self) -> list[str]:
        """The columns, and the keys that hold them."""
        paths = self.columns()
        within = [".".join(path.split(".")[:k]) for path in paths for k in range(1, path.count(".") + 1)]
        return list(dict.fromkeys([*paths, *within]))


def _select(columns: Sequence[str]) -> str:
    """SQL from lines to whether each is an object, and the columns."""
    pointers: list[str] = []
    places: list[tuple[int, ...]] = []
    for column in columns:
        whole = "/" + _escaped(column)
        within = "/" + "/".join(map(_escaped, column.split(".")))
        places.append(tuple(len(pointers) + k + 1 for k in range(len({whole, within}))))
        pointers += dict.fromkeys([whole, within])
    spread = ", ".join(f'coalesce({", ".join(f"v[{at}]" for at in each)}) AS "{k}"' for k, each in enumerate(places))
    return f"""SELECT coalesce(sound, false) AS sound, {spread} FROM (
        SELECT json_type(line) = 'OBJECT' AS sound, json_extract_string(line, [{", ".join(map(literal, pointers))}]) AS v
        FROM (SELECT CASE WHEN json_valid(line) THEN line END AS line FROM lines))"""


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _paths(before: str, value: Mapping[str, object], depth: int = 1) -> Iterator[str]:
    """The paths of an object's keys."""
    for key, part in value.items():
        if isinstance(part, dict) and part and depth < _DEEPEST:
            yield from _paths(f"{before}{key}.", part, depth + 1)
        else:
            yield before + key
