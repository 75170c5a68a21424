"""DCN-v2: the conformance of models; its crosses by hand; what it refuses."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from assay.errors import InputError  # noqa: E402
from assay.models.dcn import Dcn, DcnNet  # noqa: E402
from assay.testing.data import make_samples  # noqa: E402
from assay.testing.models import ScorerTests  # noqa: E402


class TestDcn(ScorerTests):
    def make(self):
        return Dcn(factors=4, crosses=2, hidden=8, rare=5, rate=0.01, batch=256, epochs=3)
