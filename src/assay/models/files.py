"""Model files without pickle: JSON for settings, npz for arrays; same model, same bytes."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.runs.arrays import write_arrays
from assay.runs.store import write_json

FORMAT = 1


def write_model(folder: Path, model: str, content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> list[Path]:
    """Write model.json (content under "model" and "format") and, where there are arrays, arrays.npz."""
    written = []
    if arrays:
        written.append(folder / "arrays.npz")
        write_arrays(written[0], arrays)
    described = folder / "model.json"
    write_json(described, {"format": FORMAT, "model": model, **content})
    return [described, *written]


def read_model(folder: Path) -> dict[str, Any]:
    """Content of a folder's model.json; InputError when it is missing, broken or of another format."""
    path = Path(folder) / "model.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: not there; train the models first: assay run CONFIG") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not JSON ({error}); delete it and train again") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: not a model of format {FORMAT}; delete it and train again")
    return content


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an npz; InputError when it is missing or broken."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: not there; train the model again") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not readable ({error}); delete it and train again") from None
