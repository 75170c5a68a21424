"""Feature columns in words: "bought by more than 146 households in the last 16 weeks", "price is above $2.49".

The one place that knows what each of our columns says, and in what unit. A column of a user's own is called by its name,
with spaces. Of an item's buyers in several periods, who took it in three of them counts three times.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import Literal

import numpy as np

from assay.config import Config
from assay.language import english
from assay.logs.clean_log import CleanLog
from assay.runs.store import Folder
from assay.task import DEEDS, DEEDS_OF_SEARCH, Task

Counted = Literal["users", "periods", "positives", "sales", "words", "times", "days", "count"]
Unit = Counted | Literal["money", "share", "ratio", "log_ratio", "number"]
Range = tuple[float | None, float | None]  # above the first and at most the second; None where there is no such end
_COUNTED = ("users", "periods", "positives", "sales", "words", "times", "days", "count")
_ONCE = " 1 times"  # of what it is compared with: left out where it stands alone
_LARGE = 1e4  # numbers from here on are written out
_LOG_LARGEST = 700.0  # of what can be told as a ratio


@dataclass(frozen=True)
class Wording:
    """How people are told of a log: the words of its task, and its money.

    minor_units: decimals of the currency, whose smallest unit money is counted in. of_log: the columns are those that Assay
    makes of a log; else they are a user's own. hash_ids: ids of users and items are shown hashed.
    """

    task: Task = field(default_factory=Task)
    currency: str = ""
    minor_units: int = 2
    of_log: bool = True
    hash_ids: bool = False

    @classmethod
    def of(cls, run: Folder, config: Config) -> "Wording":
        """That of a run, by its clean log, the config's [samples] and its currency."""
        log, show = CleanLog.find(run), config.show
        if log is None:
            own = "binary" if config.table is None else config.table.labels
            task = Task.of(config.samples, own_labels=own, deed=show.deed)
            return cls(task, show.currency, of_log=False, hash_ids=show.hash_ids)
        return cls(Task.of(config.samples, deed=show.deed), show.currency, log.minor_units, hash_ids=show.hash_ids)

    def ident(self, ident: object) -> str:
        """An id as it may be shown: itself, or 12 hexadecimal digits of its SHA-256."""
        text = str(ident)
        return hashlib.sha256(text.encode()).hexdigest()[:12] if self.hash_ids else text

    def money(self, amount: float) -> str:
        """An amount in the smallest unit of the currency, as people write it."""
        text = f"{abs(amount) / 10**self.minor_units:,.{self.minor_units}f}"
        text = f"{text} {self.currency}" if self.currency[-1:].isalpha() else f"{self.currency}{text}"
        return f"−{text}" if amount < 0 else text

    def counted(self, number: str, unit: Unit) -> str:
        """A number with what it counts: "1 week", "3 weeks"; a "count" counts what the sentence says."""
        task = self.task
        nouns = {"users": task.user, "periods": task.period, "positives": task.positive, "sales": task.sale}
        nouns |= {"words": "word", "times": "time", "days": "day"}
        if unit not in nouns:
            return number
        several = task.periods if unit == "periods" else f"{nouns[unit]}s"
        return f"{number} {nouns[unit] if number == '1' else several}"


@dataclass(frozen=True)
class Label:
    """What a column says of a sample: `before`, an amount, `after`. unknown: what it says where it is null.

    none: what it says where the count is 0, if "no weeks" would not do.
    """

    before: str
    after: str
    wording: Wording
    unit: Unit = "number"
    unknown: str = ""
    none: str = ""

    @property
    def title(self) -> str:
        """What it says without an amount."""
        return f"{self.before}…{self.after}".removesuffix(" is …")

    def says(self, spans: Sequence[Range], *, unknown: bool = False) -> str:
        """What samples have in common whose value lies in one of the spans (in order), or is unknown."""
        parts = [self._says(spans)] if spans else []
        if unknown:
            alone = self.unknown or self._with(self._some("unknown"))
            parts.append(alone if self.unknown or not parts else english("unknown"))
        return reduce(_or, parts, "")

    def value(self, value: float) -> str:
        """What one value says of a sample; NaN is unknown."""
        if np.isnan(value):
            return self.says((), unknown=True)
        if self.none and value == 0:
            return self.none
        return self._with(self.wording.counted(self._number(value), self.unit))

    def level(self, span: Range) -> str:
        """A span by itself: "at most $0.99", "$0.99 to $2.49", "above $2.49"; "known" where it has no end."""
        low, high = (None if end is None else self._number(end) for end in span)
        if low is None:
            return english("known") if high is None else english("at most {amount}", amount=high)
        return english("above {amount}", amount=low) if high is None else english("{low} to {high}", low=low, high=high)

    def _says(self, spans: Sequence[Range]) -> str:
        low, high = spans[0]
        if self.none and len(spans) == 1 and low is None and high is not None and high < 1:
            return self.none
        if spans == [(None, None)]:
            return self._with(self._some("known"))
        *before, last = [self._range(span) for span in spans]
        words, _, number = last.rpartition(" ")
        amount = f"{words} {self.wording.counted(number, self.unit)}".strip()
        return self._with(reduce(_or, [*before, amount], ""))

    def _with(self, amount: str) -> str:
        return f"{self.before}{amount}{self.after}"

    def _range(self, span: Range) -> str:
        low, high = (None if end is None else self._number(end) for end in span)
        if low is None:
            return "no" if high == "0" and self.unit in _COUNTED else english("at most {amount}", amount=high).removesuffix(_ONCE)
        above = self.unit in ("money", "number")
        if high is None:
            more = english("above {amount}", amount=low) if above else english("more than {amount}", amount=low)
            return more.removesuffix(_ONCE)
        if self.unit in _COUNTED and np.isfinite(span[0] or 0):  # whole numbers, so that the span has a first one
            first = f"{int(np.floor(span[0] or 0)) + 1:,}"
            return high if first == high else english("{low} to {high}", low=first, high=high)
        if above:
            return english("above {low} and at most {high}", low=low, high=high)
        return english("more than {low} and at most {high}", low=low, high=high)

    def _number(self, value: float) -> str:
        if not np.isfinite(value):
            return str(value)
        if self.unit == "money":
            return self.wording.money(value)
        if self.unit == "share":
            return f"{100 * value:.3g} %"
        if self.unit in ("ratio", "log_ratio"):
            return f"{np.exp(min(value, _LOG_LARGEST)) if self.unit == 'log_ratio' else value:.3g} times"
        if self.unit in _COUNTED:
            return f"{int(np.floor(value)):,}"
        return f"{value:.4g}" if abs(value) < _LARGE else f"{value:,.0f}"

    def _some(self, state: str) -> str:
        """An amount that is known, or unknown, and not said."""
        if self.unit in _COUNTED:
            things = self.wording.counted("", self.unit).strip()
            if state == "unknown":
                return english("an unknown number of {things}", things=things)
            return english("a known number of {things}", things=things)
        if self.unit == "share":
            return english("an unknown share") if state == "unknown" else english("a known share")
        return state


# By column, N a number of periods: unit; what it says; what it says where it is unknown, and where it is 0.
_COLUMNS: dict[str, tuple[Unit, str, str, str]] = {
    "item_buyers_N": ("users", "{taken} by @ in {last}", "", ""),
    "item_trend": ("log_ratio", "rate of {positive}s in {last4} is @ that in {last16}", "", ""),
    "item_repeat_share": ("share", "@ of its {positive}s are by {user}s who had it before", "never {taken} before", ""),
    "item_periods_since": ("periods", "last {taken} @ ago", "never {taken} before", ""),
    "item_periods_known": ("periods", "first {taken} @ ago", "never {taken} before", ""),
    "item_first_buyers_N": (
        "number", "first {positive}s by new {user}s, fading with a half-life of N days: @", "", "",
    ),
    "item_first_share": ("share", "@ of its {positive}s lately are by {user}s who never had it", "no {positive} lately", ""),
    "item_views_N": ("times", "viewed @ in {last}", "not viewed in {last}", ""),
    "item_rating": ("number", "mean rating is @", "never rated before", ""),
    "item_price": ("money", "price is @", "", ""),
    "item_price_change": ("log_ratio", "price is @ that before {last4}", "change of price is unknown", ""),
    "category_times_N": ("positives", "@ of the {user} in the category in {last}", "", ""),
    "category_share_N": (
        "share", "@ of the {user}'s {positive}s in {last} are in the category", "no {positive} of the {user} in {last}", "",
    ),
    "category_periods_since": (
        "periods", "the {user}'s last {positive} in the category is @ ago",
        "no {positive} of the {user} in the category before", "",
    ),
    "category_usual_price": ("money", "the {user}'s usual price in the category is @", "", ""),
    "category_faded_N": (
        "number", "{positive}s of the {user} in the category, fading with a half-life of N days: @", "", "",
    ),
    "category_days_since": (
        "days", "the {user}'s last {positive} in the category is @ ago", "no {positive} of the {user} in the category before", "",
    ),
    "category_gaps_since": (
        "ratio", "the {user}'s last {positive} in the category is @ the usual gap ago",
        "{positive}s of the {user} in the category on less than two days before", "",
    ),
    "name_faded_N": (
        "number", "{positive}s of the {user} under the item's name, fading with a half-life of N days: @", "", "",
    ),
    "name_days_since": (
        "days", "the {user}'s last {positive} under the item's name is @ ago",
        "no {positive} of the {user} under the item's name before", "",
    ),
    "name_gaps_since": (
        "ratio", "the {user}'s last {positive} under the item's name is @ the usual gap ago",
        "{positive}s of the {user} under the item's name on less than two days before", "",
    ),
    "brand_share_N": (
        "share", "@ of the {user}'s {positive}s in {last} are of the brand", "no {positive} of the {user} in {last}", "",
    ),
    "pair_times_bought": ("periods", "{taken} by the {user} in @ before", "", "never {taken} by the {user} before"),
    "pair_periods_since": ("periods", "last {taken} by the {user} @ ago", "never {taken} by the {user} before", ""),
    "pair_due": (
        "ratio", "last {taken} by the {user} @ the usual gap ago", "{taken} by the {user} less than twice before", "",
    ),
    "pair_faded_N": ("number", "{positive}s by the {user}, fading with a half-life of N days: @", "", ""),
    "pair_trip_share_N": (
        "share", "in @ of the {user}'s trips, fading with a half-life of N days", "no trip of the {user} before", "",
    ),
    "pair_share_N": (
        "share", "@ of what the {user} takes, fading with a half-life of N days", "no {positive} of the {user} before", "",
    ),
    "pair_days_since": ("days", "last {taken} by the {user} @ ago", "never {taken} by the {user} before", ""),
    "pair_gaps_since": (
        "ratio", "last {taken} by the {user} @ the usual gap ago, in days",
        "{taken} by the {user} on less than two days before", "",
    ),
    "score_user_knn": ("number", "score by users alike is @", "", ""),
    "score_category": ("number", "score by the {user}'s categories is @", "", ""),
    "score_own": ("number", "score by what was {taken} before is @", "", ""),
    "score_popular": ("number", "faded {positive}s of the item, of a best seller: @", "", ""),
    "score_ease": ("number", "score by all that the {user} took (EASE) is @", "", ""),
    "score_tifu_knn": ("number", "score by the {user}'s habits and those of users alike is @", "", ""),
    "score_text": ("number", "score by texts alike is @", "", ""),
    "score_co_purchase": ("number", "score by what is {taken} together is @", "", ""),
    "score_session_next": ("number", "score by sessions alike is @", "", ""),
    "score_following": ("number", "score by what is {taken} next is @", "", ""),
    "session_steps": ("number", "steps of the session before: @", "", ""),
    "session_items": ("number", "different items in the session before: @", "", ""),
    "session_minutes": ("number", "minutes since the session began: @", "", ""),
    "session_pause": ("number", "minutes between the session's last two steps: @", "only one step of the session before", ""),
    "pair_steps_since": ("count", "last {taken} @ steps ago", "not {taken} in the session before", ""),
    "pair_steps_times": ("times", "{taken} @ in the session before", "", "not {taken} in the session before"),
    "category_steps_since": (
        "count", "the session's last {positive} in the category is @ steps ago",
        "no {positive} of the session in the category before", "",
    ),
    "category_steps_share": (
        "share", "@ of the session's {positive}s are in the category", "", "no {positive} of the session in the category before",
    ),
    "pair_views_N": ("times", "viewed by the {user} @ in {last}", "not viewed by the {user} in {last}", ""),
    "pair_carts_N": (
        "times", "put in the cart by the {user} @ in {last}", "not put in the cart by the {user} in {last}", "",
    ),
    "pair_price_gap": (
        "log_ratio", "price is @ what the {user} usually pays in the category",
        "what the {user} usually pays in the category is unknown", "",
    ),
    "user_periods_active_N": ("count", "the {user} was active in @ of {last}", "", ""),
    "user_purchases_N": ("positives", "@ of the {user} in {last}", "", ""),
    "user_trips_N": ("number", "trips of the {user}, fading with a half-life of N days: @", "", ""),
    "user_items_per_trip": ("number", "@ items per trip of the {user}", "no trip of the {user} before", ""),
    "user_new_share": (
        "share", "@ of what the {user} takes is new to the {user}", "no {positive} of the {user} before", "",
    ),
    "user_days_since": ("days", "the {user}'s last {positive} is @ ago", "no {positive} of the {user} before", ""),
    "user_trip_gap": ("number", "days between two trips of the {user}: @", "less than two trips of the {user} before", ""),
    "user_periods_since": ("periods", "the {user}'s last {positive} is @ ago", "no {positive} of the {user} before", ""),
    "user_periods_known": ("periods", "the {user}'s first {positive} is @ ago", "no {positive} of the {user} before", ""),
    "user_views_N": ("times", "the {user} viewed items @ in {last}", "the {user} was not seen in {last}", ""),
    "user_carts_N": ("times", "the {user} put items in the cart @ in {last}", "the {user} was not seen in {last}", ""),
    "user_searches_N": ("times", "the {user} searched @ in {last}", "the {user} was not seen in {last}", ""),
    "user_return_share": (
        "share", "@ of the {user}'s {positive}s were brought back", "no {positive} of the {user} before", "",
    ),
    "user_rating_deviation": ("number", "distance of the {user}'s ratings from the usual is @", "", ""),
    "user_burstiness": ("number", "burstiness of the {user}'s visits is @", "", ""),
    "user_category_entropy": ("number", "variety (entropy) of the {user}'s categories is @", "", ""),
    "user_brand_entropy": ("number", "variety (entropy) of the {user}'s brands is @", "", ""),
    "user_spend_N": ("money", "the {user}'s spending in {last} is @", "", ""),
    "user_basket_N": ("money", "the {user}'s usual basket in {last} is @", "", ""),
    "user_price_level_N": ("share", "the {user}'s price level (100 % buys the dearest) is @", "", ""),
    "query_searches_N": ("times", "the query was asked @ in {last}", "", ""),
    "query_click_share": ("share", "@ of the query's searches led to a click", "the query was never asked before", ""),
    "query_words": ("words", "the query has @", "", ""),
    "match_shown": ("times", "shown @ for the query before", "no list on record has it for the query", ""),
    "match_clicks": ("times", "clicked @ for the query before", "", "never clicked for the query before"),
    "match_purchases": ("times", "bought @ for the query before", "", "never bought for the query before"),
    "match_click_rate": (
        "share", "clicked in @ of its showings for the query", "no list on record has it for the query", "",
    ),
    "match_click_share": ("share", "@ of the query's clicks went to it", "", ""),
    "text_bm25": ("number", "match (BM25) of the query and the item's words is @", "", ""),
    "text_similarity": ("number", "likeness of the query and the item's text is @", "", ""),
    "text_words_in_name": ("share", "@ of the query's words are in the item's name", "", ""),
    "text_words_in_category": ("share", "@ of the query's words are in the item's category", "", ""),
    "text_fused": ("number", "fused score of words and vectors is @", "", ""),
}  # fmt: skip
_RATIOS = ("ratio", "log_ratio")
_IDS = ("user", "item")  # columns whose levels are ids
_TEXTS = {"query_class": english("frequency of the query")}
_PATTERNS = [(re.compile(column.replace("_N", r"_(\d+)")), parts) for column, parts in _COLUMNS.items()]


def sayings() -> Iterator[str]:
    """What columns say and what deeds are called, as patterns for the catalogue: {amount} or {ratio} where a number stands."""
    for unit, phrase, *others in _COLUMNS.values():
        with_amount = phrase.replace("@", "{ratio}" if unit in _RATIOS else "{amount}")
        title = phrase.removesuffix(" is @")
        for text in (with_amount, *others, *([] if title == phrase else [title])):
            if text:
                yield text.replace("N days", "{number} days").replace("{last4}", "{last}").replace("{last16}", "{last_long}")
    for taken, *nouns in (*DEEDS.values(), *DEEDS_OF_SEARCH.values()):
        yield taken
        for noun in nouns:
            yield from (noun, f"{noun}s", f"{{number}} {noun}", f"{{number}} {noun}s")
    yield from ("category", "brand", "department", "no", "no {things}")
    for noun in ("user", "item", "day", "week", "word", "time"):
        yield from (noun, f"{noun}s", f"{{number}} {noun}", f"{{number}} {noun}s")


def _or(one: str, other: str) -> str:
    return english("{one} or {other}", one=one, other=other) if one else other


@cache
def label(column: str, wording: Wording) -> Label:
    """What a numeric column says."""
    for pattern, (unit, *texts) in _PATTERNS if wording.of_log else []:
        if match := pattern.fullmatch(column):
            task = wording.task
            names = {"user": task.user, "taken": task.taken, "positive": task.positive}
            names |= {f"last{count}": task.last(count) for count in (4, 16)}
            if match.groups():
                names["last"] = task.last(int(match[1]))
            days = f" {match[1]} days" if match.groups() else ""
            phrase, unknown, none = (text.format(**names).replace(" N days", days) for text in texts)
            before, _, after = phrase.partition("@")
            return Label(before, after, wording, unit, unknown, none)
    return Label(f"{column.replace('_', ' ')} is ", "", wording)


# Where a sample comes from: a positive, what was shown, or a negative that Assay drew.
_KINDS = {
    "positive": english("a {positive}"),
    "exposure": english("shown and not {taken}"),
    "clicked": english("clicked and not bought"),
    "popularity": english("drawn from popular items"),
    "history": english("drawn from the {user}'s past"),
    "category": english("drawn from the {user}'s categories"),
    "retrieval": english("drawn from the query's matches"),
    "candidate": english("a candidate that was not {taken}"),
}


def kind(name: str, wording: Wording) -> str:
    """What a sample of a kind is: "a purchase", "drawn from the user's past"."""
    task = wording.task
    return _KINDS.get(name, name).format(positive=task.positive, taken=task.taken, user=task.user)


def title(column: str, wording: Wording) -> str:
    """What a column of texts is called."""
    return _TEXTS[column] if wording.of_log and column in _TEXTS else column.replace("_", " ")


_FLOAT = r"(-?[\d.]+(?:e[+-]?\d+)?)"
_CELL = re.compile(rf"<= {_FLOAT}|in \({_FLOAT}, {_FLOAT}\]|> {_FLOAT}|(known)|(unknown)")
_CELLS = r"<= [^ ,]+|in \([^ ]+, [^ ]+\]|> [^ ,]+|known|unknown"
_BINNED = re.compile(rf"(.+?) ({_CELLS})")
_CROSSED = re.compile(rf"(.+?) x (.+?) ({_CELLS}), ({_CELLS})")


def matrix_column(name: str, wording: Wording) -> str:
    """A column of the matrix that models learn from (TableEncoder.names), in words."""
    if crossed := _CROSSED.fullmatch(name):
        return " and ".join(dict.fromkeys(_cell(crossed[k], crossed[k + 2], wording) for k in (1, 2)))
    if binned := _BINNED.fullmatch(name):
        return _cell(binned[1], binned[2], wording)
    column, is_level, level = name.partition("=")
    if is_level:
        shown = wording.ident(level) if column in _IDS else level
        return english("{title} is {level}", title=title(column, wording), level=shown)
    if name.endswith(": rare"):
        titles = " and ".join(title(part, wording) for part in name.removesuffix(": rare").split(" x "))
        return english("{titles}: rare", titles=titles)
    return label(name, wording).title


def _cell(column: str, cell: str, wording: Wording) -> str:
    match = _CELL.fullmatch(cell)
    if match is None:
        return f"{column.replace('_', ' ')} {cell}"
    most, low, high, least, is_known, _ = match.groups()
    if most or low or least or is_known:
        first, last = (None if end is None else float(end) for end in (low or least, most or high))
        return label(column, wording).says([(first, last)])
    return label(column, wording).says((), unknown=True)
