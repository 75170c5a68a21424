"""TREC's text files: judgements (qrels) and answers of a system (runs), as tables."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from assay.errors import SourceError

TRUTH = ("request_id", "item_id", "grade")
PREDICTIONS = ("request_id", "item_id", "score")


def qrels(path: Path) -> pa.Table:
    """TREC's judgements, as TRUTH."""
    return _lines(path, 4, (0, 2, 3), TRUTH)


def trec_run(path: Path) -> pa.Table:
    """TREC's answers of a system, as PREDICTIONS; scores rounded to 32 bits."""
    table = _lines(path, 6, (0, 2, 4), PREDICTIONS)
    score = pa.array(table.column("score").to_numpy().astype(np.float32), pa.float32())
    return table.set_column(2, "score", score)


def _lines(path: Path, fields: int, taken: Sequence[int], names: Sequence[str]) -> pa.Table:
    """Columns of a text file of white-space-separated fields, the last a number."""
    columns: list[list[str]] = [[] for _ in taken]
    numbers = []
    try:
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                parts = line.split()
                if not parts:
                    continue
                if len(parts) != fields:
                    raise SourceError(f"{path}:{number}: {len(parts)} fields where {fields} are due; is it a file of this kind?")
                for column, place in zip(columns, taken, strict=True):
                    column.append(parts[place])
                numbers.append(number)
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); give a text file in UTF-8") from None
    try:
        last = np.array(columns[-1], np.float64)
    except ValueError:
        row = next(row for row, text in enumerate(columns[-1]) if not _is_number(text))
        raise SourceError(f"{path}:{numbers[row]}: {names[-1]} is {columns[-1][row]!r}, not a number") from None
    texts = [pa.array(column, pa.string()) for column in columns[:-1]]
    return pa.table(dict(zip(names, [*texts, pa.array(last)], strict=True)))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
