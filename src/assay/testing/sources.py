"""What every source must do: a source is conformant when a subclass of SourceTests passes."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from assay.errors import SourceError
from assay.logs.sources.base import Source

IDS = ["00123", "ключ", "🛒🧺", "שלום", 'quo"te', "a,b", "x" * 10_000]


class SourceTests:
    """Subclass it and say how rows are put where your source reads them.

    make(folder, names, rows) writes rows of texts (None: unknown) under column names and returns the source.
    """

    def make(self, folder: Path, names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Source:
        """A source over the rows, in their order."""
        raise NotImplementedError

    def _table(self, source: Source, columns: Sequence[str]) -> pa.Table:
        return pa.Table.from_batches(list(source.read(columns)))

    def test_ids_come_as_they_are(self, tmp_path: Path) -> None:
        """No id is changed, whatever its script or length."""
        source = self.make(tmp_path, ["who", "what"], [(i, str(n)) for n, i in enumerate(IDS)])
        assert source.columns() == ["who", "what"]
        assert self._table(source, ["who"])[0].to_pylist() == IDS

    def test_columns_come_in_the_order_asked_for(self, tmp_path: Path) -> None:
        """A column may be asked for twice, and others left out."""
        source = self.make(tmp_path, ["a", "b", "c"], [("1", "2", "3")])
        table = self._table(source, ["c", "a", "c"])
        assert [column.to_pylist() for column in table.columns] == [["3"], ["1"], ["3"]]

    def test_rows_keep_their_order(self, tmp_path: Path) -> None:
        """Across batches too."""
        expected = [str(n) for n in range(3_000)]
        source = self.make(tmp_path, ["n"], [(n,) for n in expected])
        assert self._table(source, ["n"])[0].to_pylist() == expected

    def test_reading_twice_gives_the_same(self, tmp_path: Path) -> None:
        """A source has no hidden position."""
        source = self.make(tmp_path, ["n"], [("1",), ("2",)])
        assert self._table(source, ["n"]).equals(self._table(source, ["n"]))

    def test_a_missing_column_is_named_with_the_closest(self, tmp_path: Path) -> None:
        """The error names the source, the column and what was probably meant."""
        source = self.make(tmp_path, ["user", "item"], [("1", "2")])
        with pytest.raises(SourceError, match=r"no column 'usr'; did you mean 'user'"):
            list(source.read(["usr"]))
