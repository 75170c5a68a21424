"""What times are written in, by all values of their column."""

import re
from collections.abc import Iterable
from datetime import datetime

_EPOCHS = (("epoch_s", r"\d{9,10}(\.\d+)?"), ("epoch_ms", r"\d{12,13}"), ("epoch_us", r"\d{15,16}"), ("epoch_ns", r"\d{18,19}"))
# Numbers that may be day or month first, with what stands between them, the year, and the time of the day.
_DATES = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})( \d{1,2}:\d\d(:\d\d)?( ?[AaPp][Mm])?)?")
_COMPACT = re.compile(r"(19|20)\d{6}")
_CHINESE = re.compile(r"\d{4}年\d{1,2}月\d{1,2}日( \d{1,2}:\d\d(:\d\d)?)?")


def time_format(values: Iterable[str]) -> str | None:
    """What times are written in, where it is not ISO 8601; None where it is, or cannot be told.

    Dates that may begin with the day or the month are told by all values: a number above 12 is a day. Where none is, by which
    reading leaves fewer days between the first and the last; where both leave as many, the day comes first.
    """
    some = [value for value in {value.strip() for value in values} if value]
    if not some:
        return None
    for name, pattern in _EPOCHS:
        if all(re.fullmatch(pattern, value) for value in some):
            return name
    if all(_COMPACT.fullmatch(value) for value in some):
        return "%Y%m%d"
    if all(_CHINESE.fullmatch(value) for value in some):
        return "%Y年%m月%d日" + (" " + _clock(clock) if (clock := some[0].partition(" ")[2]) else "")
    matches = [_DATES.fullmatch(value) for value in some]
    if not all(matches):
        return None
    first = next(match for match in matches if match)
    year = "%Y" if len(first[4]) == 4 else "%y"
    order = ("%m", "%d") if _month_first(some) else ("%d", "%m")
    return first[2].join((*order, year)) + (" " + _clock(first[5].strip()) if first[5] else "")


def day_or_month_first(values: Iterable[str]) -> bool:
    """Whether times are dates that read either way: no first or second number is above 12."""
    some = [value.strip() for value in values if value.strip()]
    return bool(some) and all(_DATES.fullmatch(value) for value in some) and max(_largest(some)) <= 12


def _largest(dates: Iterable[str]) -> tuple[int, int]:
    """The largest first and the largest second number of dates."""
    numbers = [(int(match[1]), int(match[3])) for date in dates if (match := _DATES.fullmatch(date))]
    return max(first for first, _ in numbers), max(second for _, second in numbers)


def _month_first(dates: list[str]) -> bool:
    first, second = _largest(dates)
    if max(first, second) > 12:
        return second > 12
    return _span(dates, 3, 1) > _span(dates, 1, 3)


def _span(dates: Iterable[str], month: int, day: int) -> int:
    """Days between the first and the last date, read by which number is the month and which the day."""
    days = set()
    for date in dates:
        if (match := _DATES.fullmatch(date)) is not None:
            year = int(match[4]) + (2000 if len(match[4]) == 2 else 0)
            days.add(datetime(year, int(match[month]), int(match[day])).toordinal())
    return max(days) - min(days)


def _clock(text: str) -> str:
    """The format of a time of the day."""
    if not text:
        return ""
    seconds = ":%S" if text.count(":") == 2 else ""
    half = re.search(r"( ?)[AaPp][Mm]$", text)
    return f"%I:%M{seconds}{half[1]}%p" if half else f"%H:%M{seconds}"
