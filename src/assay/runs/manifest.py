"""The manifest of a run's folder: which stage made which artefacts, of what; and the lock that keeps others out."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import InputError
from assay.runs.store import Folder, digest, file_digest, write_json

FILE = "manifest.json"
FORMAT = 3


@dataclass(frozen=True)
class Entry:
    """What a stage made. fingerprint: of all that it read. artefacts: SHA-256 (hex) of each file, by its name in the folder."""

    fingerprint: str
    artefacts: Mapping[str, str]

    @property
    def output(self) -> str:
        """Digest of everything that the stage made."""
        return digest(dict(self.artefacts))

    def there(self, folder: Folder) -> bool:
        """Whether every file is there."""
        return all((folder.folder / name).exists() for name in self.artefacts)

    def intact(self, folder: Folder) -> bool:
        """Whether every file is there with the bytes that the stage wrote."""
        return self.there(folder) and all(file_digest(folder.folder / name) == sha for name, sha in self.artefacts.items())


@dataclass(frozen=True)
class Manifest:
    """entries: stages whose artefacts stand. former: stages that were dropped, whose files may still be on disk.

    Nobody reads what a former entry names. It is taken up again when a stage turns out to have read the same after all and
    its files still have the same bytes.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    former: Mapping[str, Entry] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Folder) -> "Manifest":
        """The folder's manifest, empty where there is none. InputError: another format, or no manifest of Assay's."""
        path = folder.folder / FILE
        if not path.exists():
            return cls()
        content = Folder(folder.folder).read_json(FILE)
        written_as = content.get("format") if isinstance(content, dict) else None
        if written_as != FORMAT:
            raise InputError(f"{path}: format {written_as} is not {FORMAT}; make the run again in a new folder")
        return cls(_entries(content["stages"]), _entries(content["former"]))

    def write(self, folder: Folder) -> None:
        """Keep the manifest, durably."""
        stages, former = ({name: asdict(entry) for name, entry in part.items()} for part in (self.entries, self.former))
        write_json(folder.folder / FILE, {"format": FORMAT, "stages": stages, "former": former})

    def dropped(self, names: set[str]) -> "Manifest":
        """Without the entries of some stages, which become former ones."""
        entries = {name: entry for name, entry in self.entries.items() if name not in names}
        return Manifest(entries, {**self.former, **{name: self.entries[name] for name in names if name in self.entries}})

    def with_entry(self, name: str, entry: Entry) -> "Manifest":
        """With a stage's entry, which is then no former one."""
        former = {other: kept for other, kept in self.former.items() if other != name}
        return Manifest({**self.entries, name: entry}, former)


def _entries(content: Mapping[str, Any]) -> dict[str, Entry]:
    return {name: Entry(entry["fingerprint"], entry["artefacts"]) for name, entry in content.items()}


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from working in a folder; InputError when one does. A kill lets go of it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise InputError(f"{folder}: cannot write ({error.strerror}); pick another folder") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder}: another run is at work there; wait for it, or take another folder") from None
        yield
