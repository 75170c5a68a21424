"""Arrays as npz files without pickle, with fixed time stamps: the same arrays, the same bytes."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.runs.store import whole_file

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can hold


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as npz, whole or not at all. ValueError: an array of objects, which only pickle could hold."""
    # Not by np.savez: before NumPy 2.1 it takes allow_pickle for the name of an array.
    with whole_file(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(arrays[name], order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), buffer.getvalue())
