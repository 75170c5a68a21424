"""Where a file lies: in a folder of this machine or in a store of objects; both through Arrow's file systems."""

import glob
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import fs

from assay.config import STORES
from assay.errors import SourceError
from assay.runs.store import digest

COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Place:
    """One file. name: as the user would write it. within: its path in its file system."""

    name: str
    system: fs.FileSystem = field(compare=False)
    within: str

    @classmethod
    def of(cls, name: "Place | Path | str") -> "Place":
        """The place of a path, or of an object's address; SourceError where the address makes no sense."""
        if isinstance(name, Place):
            return name
        if not str(name).startswith(STORES):
            return cls(str(name), fs.LocalFileSystem(), str(Path(name).absolute()))
        try:
            return cls(str(name), *fs.FileSystem.from_uri(str(name)))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
            raise SourceError(f"{name}: no store can be reached by this address ({_short(error)})") from None

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine."""
        return isinstance(self.system, fs.LocalFileSystem)

    @property
    def file(self) -> str:
        """Name of the file, without its folder and the ending that says how it is compressed."""
        file = PurePosixPath(self.within)
        return file.stem if file.suffix in COMPRESSED else file.name

    @property
    def ending(self) -> str:
        """The ending of the file's name, in lower case, that says its format: ".csv"."""
        return PurePosixPath(self.file).suffix.lower()

    @property
    def is_compressed(self) -> bool:
        """Whether its name says that it is compressed."""
        return PurePosixPath(self.within).suffix in COMPRESSED

    def _info(self) -> fs.FileInfo:
        try:
            return self.system.get_file_info(self.within)
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be reached ({_short(error)})") from None

    def require(self) -> None:
        """SourceError unless it is a file that is not empty."""
        info = self._info()
        if info.type == fs.FileType.NotFound:
            raise SourceError(f"{self.name}: no such file; check path in the config")
        if info.type != fs.FileType.File:
            raise SourceError(f"{self.name}: is a folder; name the files in it, for example {self.name}/*.csv")
        if info.size == 0:
            raise SourceError(f"{self.name}: is empty; remove it from path or export it again")

    def exists(self) -> bool:
        """Whether there is a file."""
        return bool(self._info().type == fs.FileType.File)

    def size(self) -> int:
        """Bytes; 0 where there is no file."""
        return int(self._info().size or 0)

    def bytes(self, start: int = 0) -> pa.NativeFile:
        """Its content from a byte on; decompressed as its name says. A compressed file has no other start than 0."""
        try:
            if not start:
                return self.system.open_input_stream(self.within, compression="detect")
            stream = self.system.open_input_file(self.within)
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read ({_short(error)}); is it damaged?") from None
        stream.seek(start)
        return stream

    def seekable(self) -> pa.NativeFile:
        """Its content as it is stored, for formats that are read in jumps."""
        try:
            return self.system.open_input_file(self.within)
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read ({_short(error)})") from None

    @contextmanager
    def local(self) -> Iterator[Path]:
        """A path of this machine with its content, as it is stored; a copy of an object is gone when the block ends."""
        if self.is_local:
            yield Path(self.within)
            return
        with tempfile.TemporaryDirectory(prefix="assay-") as folder:
            path = Path(folder) / PurePosixPath(self.within).name
            with self.seekable() as source, path.open("wb") as copy:
                shutil.copyfileobj(source, copy, _BLOCK)
            yield path

    def digest(self, size: int) -> str:
        """SHA-256 (hex) of its first bytes; of an object, of its size and when it was written: it is replaced whole."""
        if not self.is_local:
            info = self._info()
            return digest([info.size, info.mtime_ns])
        whole = hashlib.sha256()
        with self.seekable() as stream:
            while size and (block := stream.read(min(size, _BLOCK))):
                whole.update(block)
                size -= len(block)
        return whole.hexdigest()

    def ends_a_line(self, size: int) -> bool:
        """Whether the last of its first bytes is a line break."""
        with self.seekable() as stream:
            stream.seek(size - 1)
            return bool(stream.read(1) == b"\n")


def matching(pattern: str) -> list[Place]:
    """The files that a pattern names, in order of name; a name without wildcards stands for itself. SourceError: none matches."""
    if not pattern.startswith(STORES):
        if Path(pattern).exists() or not glob.has_magic(pattern):
            return [Place.of(pattern)]
        matches = [Place.of(path) for path in sorted(glob.glob(pattern, recursive=True)) if Path(path).is_file()]
    elif not glob.has_magic(pattern.partition("?")[0]):
        return [Place.of(pattern)]
    else:
        matches = _objects(pattern)
    if not matches:
        raise SourceError(f"{pattern}: no file matches; check path in the config")
    return matches


def _objects(pattern: str) -> list[Place]:
    """The objects that a pattern names; `*` stands for any part of a name, folders too."""
    address, mark, settings = pattern.partition("?")  # of the store: its address, its region
    folder = address[: min(address.index(sign) for sign in "*[" if sign in address)].rpartition("/")[0]
    base = Place.of(folder + mark + settings)
    try:
        infos = base.system.get_file_info(fs.FileSelector(base.within, recursive=True, allow_not_found=True))
    except OSError as error:
        raise SourceError(f"{pattern}: cannot be reached ({_short(error)})") from None
    whole = base.within + address[len(folder) :]
    paths = sorted(info.path for info in infos if info.type == fs.FileType.File and fnmatch(info.path, whole))
    return [Place(folder + path[len(base.within) :] + mark + settings, base.system, path) for path in paths]


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
