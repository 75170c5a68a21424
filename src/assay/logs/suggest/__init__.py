"""A first config from a look at the user's files or database: what they are, by their content and their names."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from assay import config
from assay.errors import InputError
from assay.logs.schedule import schedule
from assay.logs.suggest.facts import Facts, facts
from assay.logs.suggest.look import LOOK, looks, texts
from assay.logs.suggest.names import event_columns, item_columns, kinds, user_columns
from assay.logs.suggest.plan import plan
from assay.logs.suggest.times import day_or_month_first, time_format
from assay.logs.suggest.write import listed, toml, value

__all__ = [
    "LOOK", "day_or_month_first", "event_columns", "item_columns", "kinds", "suggest", "texts", "time_format", "user_columns",
]  # fmt: skip

TARGETS = ("purchase", "cart", "review", "view")  # what makes a positive: the first of these that the log has
_KINDS = 20  # unknown kinds of events that are listed
_USUAL = config.Clean().most_lost
CHECK = "Check every line, then: assay run THIS_FILE"


def suggest(target: Path | str, table: str | None = None) -> str:
    """A commented TOML config for a log, or for a table of features with a label; config.read accepts it.

    target: a file, a glob, a folder or a database's address, of which `table` names one table. What is not sure is said in a
    comment with its reason; what could not be found is a placeholder that collecting will name. Raises SourceError when nothing
    can be read.
    """
    proposed = plan(looks(str(target), table))
    known = proposed.preset
    heading = [f"Recognised as {known.about}. {CHECK}" if known else f"Suggested from a look at the rows. {CHECK}"]
    if not proposed.events:
        return toml(proposed, heading, [], [])
    try:
        sections = [config.Events.model_validate(part.keys) for part in proposed.events]
        section, counted = sections[0], facts(sections)
    except (InputError, ValidationError) as error:
        return toml(proposed, [*heading, f"The rows cannot be read so: {_words(error)}"], [], [])
    if known is not None:
        heading += _of_preset(section)
    return toml(proposed, heading, _samples(section, counted), _clean(section, counted))


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return str(error.errors()[0]["msg"])
    return " ".join(str(error).split())


def _of_preset(section: config.Events) -> list[str]:
    """What a preset's columns are, as sentences."""
    columns = [f"{name} = {value(column)}" for name, column in section.columns.items()]
    kinds_of = [f"{word} = {kind}" for word, kind in section.kinds.items()]
    lines = listed("The preset maps", _parted(columns)) + (listed("and kinds of events:", _parted(kinds_of)) if kinds_of else [])
    return [line.removeprefix("# ") for line in lines]


def _parted(words: list[str]) -> Iterable[str]:
    return [*(f"{word}," for word in words[:-1]), *(f"{word}." for word in words[-1:])]


def _samples(section: config.Events, counted: Facts) -> list[str]:
    """Lines of [samples]: what makes a positive, periods that fit the log, and whether sessions are ranked for."""
    lines = []
    target = next((kind for kind in TARGETS if kind in counted.known_kinds), None)
    if section.columns["user_id"] == section.columns.get("session_id") and "view" in counted.known_kinds:
        lines.append(
            'target = "view"  # the event that makes a positive: sessions are short, and their next click is what they tell'
        )
    elif target is not None and target != "purchase":
        lines.append(f'target = "{target}"  # the event that makes a positive; the log has no purchase')
    if counted.first_day is not None and counted.last_day is not None:
        try:
            fitting = schedule(counted.first_day, counted.last_day)
        except ValueError as error:
            return [*lines, f"# the log is too short to be run: {error}"]
        if fitting is not None:
            length = counted.last_day - counted.first_day + 1
            lines.append(f"# for the {length} days of this log; a longer one needs none of these lines")
            lines += [f"{key} = {number}" for key, number in asdict(fitting).items()]
    if section.columns["user_id"] == section.columns.get("session_id"):
        lines.append('request = "session"  # what is ranked for: a session\'s next step; of such a user nothing else is known')
        lines.append("candidates = 100  # of a request")
    return lines


def _clean(section: config.Events, counted: Facts) -> list[str]:
    """Lines of [clean]: rows that cleaning will take out, by reason and share, and the limit that lets them go."""
    unknown = {kind: share for kind, share in counted.unknown_kinds.items() if kind not in section.own_kinds}
    lines: list[str] = []
    if unknown:
        shares = [f"{value(kind or '(none)')} {share:.1%}," for kind, share in list(unknown.items())[:_KINDS]]
        more = [f"and {len(unknown) - _KINDS} more,"] if len(unknown) > _KINDS else []
        lines += listed(
            "kinds of events that stand for none of ours and are taken out; map them in kinds, or name them in own_kinds:",
            [*shares, *more],
        )
    for name, number in counted.without.items():
        if number:
            lines.append(f"# rows without {name}, taken out: {number / counted.rows:.1%}")
    lost = min(1.0, sum(unknown.values()) + max(counted.without.values(), default=0) / max(counted.rows, 1))
    if lost > _USUAL:
        lines.append(f"most_lost = {min(1.0, round(lost + 0.05, 2))}  # a run stops where a larger share of the rows would go")
    return lines
