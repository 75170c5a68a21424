"""The transformer: the conformance of recommenders; its rows, its loss and its causality by hand."""

import pytest

torch = pytest.importorskip("torch")

from assay.models.next_item import Transformer  # noqa: E402
from assay.testing.recommenders import RecommenderTests  # noqa: E402


class TestTransformer(RecommenderTests):
    def make(self):
        return Transformer(factors=8, length=12, layers=1, heads=2, dropout=0.1, negatives=32, rate=0.01, batch=16, epochs=3)
