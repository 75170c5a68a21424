"""Text files of any encoding: their content as UTF-8, and what to say of one that is not what it was taken for."""

import codecs

import pyarrow as pa
from charset_normalizer import from_bytes

from assay.errors import SourceError
from assay.logs.sources.places import Place

SAMPLE = 1 << 16  # bytes that a guess is made from
# What exports are written in where they are not UTF-8: of China, Taiwan, Japan, Korea, Russia, and Western Europe.
_LIKELY = ("gb18030", "big5", "cp932", "cp949", "cp1251", "cp1252")
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def text(place: Place, encoding: str | None, start: int = 0) -> pa.NativeFile:
    """A file's content as UTF-8 bytes, decompressed, from a byte on.

    encoding: None for UTF-8, which is not checked here, or UTF-16 where the file begins with its mark.
    """
    encoding = encoding or marked(place)
    stream = place.bytes(start)
    if encoding is None or codecs.lookup(encoding).name in ("utf-8", "ascii"):
        return stream
    return pa.transcoding_input_stream(stream, encoding, "utf8")


def marked(place: Place) -> str | None:
    """The encoding that a file's first bytes name; None where they name none."""
    with place.bytes() as stream:
        start = stream.read(2)
    return next((name for mark, name in _MARKS if start == mark), None)


def guess(content: bytes) -> str | None:
    """The likeliest encoding of text that is not UTF-8; None where nothing fits."""
    if content.startswith(tuple(mark for mark, _ in _MARKS)) or content[:SAMPLE].count(0) > len(content[:SAMPLE]) // 4:
        return "utf-16"
    best = from_bytes(content[:SAMPLE], cp_isolation=list(_LIKELY)).best()
    return None if best is None else str(best.encoding)


def not_utf8(place: Place, line: bytes, number: int) -> SourceError:
    """The error of a line of text that is not UTF-8; the encoding that the whole file is likely in is named."""
    try:
        line.decode()
        at = ""
    except UnicodeDecodeError as error:
        at = f" (byte {error.start + 1} of the line)"
    with place.bytes() as stream:
        sample: bytes = stream.read(SAMPLE)
    likely = guess(line if is_utf8(sample, whole=False) else sample)
    say = f"say encoding = {likely!r} in the config" if likely else "say its encoding in the config, or export it again as UTF-8"
    return SourceError(f"{place.name}: line {number} is not UTF-8{at}; {say}")


def is_utf8(content: bytes, *, whole: bool = True) -> bool:
    """Whether bytes are UTF-8; where they are not the whole, but for a character that they break off in."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content, final=whole)
    except UnicodeDecodeError:
        return False
    return True
