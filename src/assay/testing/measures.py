"""What every measure of scored labels must do: subclass MeasureTests and set `measure`."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError


class MeasureTests:
    """Conformance of a measure(label, score, weight=None) -> float.

    class TestMine(MeasureTests):
        measure = staticmethod(my_measure)
        bounds = (0.0, 1.0)
    """

    measure: ClassVar[Callable[..., float]]
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    @staticmethod
    def _data(rows: int = 200) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float64]]:
        rng = np.random.default_rng(3)
        label = (rng.random(rows) < 0.4).astype(np.int8)
        score = np.clip(np.round(0.3 * label + 0.7 * rng.random(rows), 2), 0.01, 0.99)  # with ties
        return label, score, rng.integers(0, 4, rows).astype(np.float64)

    def test_stays_within_its_bounds(self) -> None:
        """Also on perfect, reversed and constant scores."""
        label, score, weight = self._data()
        low, high = self.bounds
        for scores in (score, label.astype(float), 1.0 - label, np.full(len(label), 0.5)):
            assert low <= self.measure(label, scores, weight) <= high

    def test_does_not_depend_on_row_order(self) -> None:
        """The same rows in another order give the same number."""
        label, score, weight = self._data()
        order = np.random.default_rng(5).permutation(len(label))
        shuffled = self.measure(label[order], score[order], weight[order])
        np.testing.assert_allclose(shuffled, self.measure(label, score, weight), rtol=1e-9)

    def test_a_weight_is_a_number_of_copies(self) -> None:
        """A row of weight 3 equals three rows, a row of weight 0 none; no weights are weights of 1."""
        label, score, weight = self._data()
        copies = np.repeat(np.arange(len(label)), weight.astype(int))
        repeated = self.measure(label[copies], score[copies])
        np.testing.assert_allclose(self.measure(label, score, weight), repeated, rtol=1e-9)
        np.testing.assert_allclose(self.measure(label, score, 7 * weight), repeated, rtol=1e-9)

    def test_leaves_its_input_alone(self) -> None:
        """Nothing is written into the arrays."""
        columns = self._data()
        before = [column.copy() for column in columns]
        for column in columns:
            column.flags.writeable = False
        self.measure(*columns)
        for i, copy in enumerate(before):
            np.testing.assert_array_equal(columns[i], copy)

    def test_refuses_what_it_cannot_measure(self) -> None:
        """Empty input, NaN scores, other labels, negative and zero weights, unequal lengths."""
        label, score, weight = self._data()
        nan = score.copy()
        nan[4] = np.nan
        wrong: list[tuple[tuple[NDArray[np.float64] | NDArray[np.int8], ...], str]] = [
            ((label[:0], score[:0], weight[:0]), "no rows"),
            ((label, nan, weight), "row 4"),
            ((label + np.int8(2), score, weight), "label"),
            ((label, score, -1 - weight), "weight"),
            ((label, score, 0 * weight), "weights are 0"),
            ((label[1:], score, weight), "length"),
        ]
        for columns, names_it in wrong:
            try:
                self.measure(*columns)
            except InputError as error:
                message = str(error)
            else:
                message = "no InputError"
            assert names_it in message, f"{message!r} does not say {names_it!r}"
