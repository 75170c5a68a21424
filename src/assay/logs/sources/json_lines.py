"""JSON Lines files, plain or compressed: one object per line."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from assay import engines
from assay.engines.engine import literal
from assay.errors import SourceError
from assay.logs.sources.base import bad_utf8, missing_column, require_file, shorten

BLOCK_BYTES = 16 << 20


class JsonLinesFile:
    """One JSON object per line; every value is given as text, a key that is not there as null."""

    def __init__(self, path: Path, *, start: int = 0, first_row: int = 1) -> None:
        self.path, self.name = path, str(path)
        self.start, self.first_row = start, first_row

    def rows(self) -> int | None:
        """Unknown until read."""
        return None

    def columns(self) -> list[str]:
        """Keys of the first hundred objects, in order of appearance."""
        names: dict[str, None] = {}
        first = next(self._lines(0), pa.array([], pa.string()))
        for row, line in enumerate(first[:100].to_pylist(), 1):
            try:
                value = json.loads(line) if line.strip() else {}
            except json.JSONDecodeError as error:
                raise SourceError(f"{self.path}: row {row} is not JSON ({error}): {shorten(line)}") from None
            if not isinstance(value, dict):
                raise SourceError(f"{self.path}: row {row} is not a JSON object: {shorten(line)}; one object per line")
            names.update(dict.fromkeys(value))
        if not names:
            raise SourceError(f"{self.path}: is empty; remove it from path or export it again")
        return list(names)

    def _lines(self, start: int) -> Iterator[pa.Array]:
        """Lines as text arrays; the line break is gone, blank lines stay."""
        require_file(self.path)
        number, rest, begun = 0, b"", start > 0
        try:
            with pa.input_stream(str(self.path), compression="detect" if not start else None) as stream:
                if start:
                    stream.seek(start)
                while block := stream.read(BLOCK_BYTES):
                    if not begun:
                        block, begun = block.removeprefix(b"\xef\xbb\xbf"), True
                    *lines, rest = (rest + block).split(b"\n")
                    if lines:
                        yield self._decoded(lines, number)
                        number += len(lines)
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read ({error}); is it damaged?") from None
        if rest.strip():
            yield self._decoded([rest], number)

    def _decoded(self, lines: list[bytes], before: int) -> pa.Array:
        try:
            return pa.array(lines, pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:
            raise bad_utf8(self.path, lines, before + self.first_row) from None

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns as text; each line is parsed once."""
        names = [str(i) for i in range(len(columns))]
        paths = ", ".join(literal("/" + c.replace("~", "~0").replace("/", "~1")) for c in columns)
        parse = f"""
            SELECT json_type(line) = 'OBJECT' AS sound, json_extract_string(line, [{paths}]) AS v
            FROM (SELECT CASE WHEN json_valid(line) THEN line END AS line FROM lines)"""
        spread = ", ".join(f'v[{i + 1}] AS "{i}"' for i in range(len(columns)))
        seen = [False] * len(columns)
        row = self.first_row
        engine = engines.connect()
        for lines in self._lines(self.start):
            engine.lend("lines", pa.table({"line": lines}))
            table = engine.table(f"SELECT coalesce(sound, false) AS sound, {spread} FROM ({parse})")
            blank = pa.compute.equal(pa.compute.utf8_trim_whitespace(lines), "")
            wrong = pa.compute.and_(pa.compute.invert(table["sound"].combine_chunks()), pa.compute.invert(blank))
            first = pa.compute.index(wrong, True).as_py()
            if first >= 0:
                raise SourceError(
                    f"{self.path}: row {row + first} is not a JSON object: {shorten(lines[first].as_py())}; "
                    "give one object per line"
                )
            row += len(lines)
            kept = table.select(names).filter(pa.compute.invert(blank))
            seen = [s or kept[i].null_count < len(kept) for i, s in enumerate(seen)]
            yield from kept.combine_chunks().to_batches()
        for column, there in zip(columns, seen, strict=True):
            if not there and self.start == 0 and column not in self.columns():
                raise missing_column(self.name, column, self.columns())
