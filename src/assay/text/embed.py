"""Vectors of texts."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Embedder(Protocol):
    """Texts to vectors. `name` is that of what was learnt: two embedders of one name give the same vectors."""

    dimensions: int

    @property
    def name(self) -> str:
        """Model and fingerprint."""

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Vectors (n, dimensions) of unit length; zeros for a text without a word.

        `query` says that the texts are what people ask, not what items are called: some models tell the two apart.
        """
