"""Two towers: the conformance of recommenders; text reaches items that were hardly taken."""

import pytest

torch = pytest.importorskip("torch")

from assay.models.two_tower import TwoTower  # noqa: E402
from assay.testing.recommenders import RecommenderTests  # noqa: E402


class TestTwoTower(RecommenderTests):
    def make(self):
        return TwoTower(factors=8, length=8, hidden=8, negatives=32, rate=0.01, batch=64, epochs=2)
