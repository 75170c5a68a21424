"""What tests of logs share."""

from pathlib import Path

import pytest

from assay import config
from assay.runs.store import Folder

COLUMNS = {"user_id": "u", "item_id": "i", "timestamp": "t"}


@pytest.fixture
def run(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "run")


@pytest.fixture
def section(tmp_path: Path):
    """A section over a file with the given text or bytes; more columns and settings by keyword."""

    def make(content: str | bytes, name: str = "log.csv", columns: dict | None = None, **settings) -> config.Events:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        settings.setdefault("event", None if "event" in (columns or {}) else "purchase")
        return config.Events(path=str(path), columns=COLUMNS | (columns or {}), **settings)

    return make
