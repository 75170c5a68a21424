"""Numbers, units and findings in plain words, the same in the terminal and on the page."""

import math
from collections.abc import Iterable, Mapping, Set
from typing import Any, TypeGuard

from assay.evaluation.claims import Verdict, claims, decides, verdict
from assay.language import clauses, forms, later, listed, paragraph, say, several
from assay.language.retelling import retell
from assay.numerics.measures import LOWER_IS_BETTER
from assay.numerics.names import read
from assay.pages.evaluation import Selected
from assay.pages.log import Cleaned
from assay.pages.parts import OTHER, Change, Estimate, Tested
from assay.pages.samples import FeaturesKept, SamplesMade
from assay.pages.selection import Anomalies, FlaggedSamples, FlaggedUsers
from assay.runs.section import Tone
from assay.task import of_measures

NONE = "–"
_DOUBTFUL = forms("label is doubtful", "labels are doubtful")
_ROBOTS = forms("user behaves like a robot", "users behave like robots")
MEASURES = {
    "auc": later("how often a positive sample scores above a negative one; higher is better"),
    "user_auc": later("the same within each user, then averaged; higher is better"),
    "log_loss": later("how surprised the model is by what happened; lower is better"),
    "accuracy": later("share of samples on the right side of the threshold; higher is better"),
    "precision": later("share of predicted positives that are positive; higher is better"),
    "recall": later("share of positives that are predicted; higher is better"),
    "f1": later("precision and recall in one; higher is better"),
    "calibration_error": later("distance of predicted from observed shares; lower is better"),
    "mse": later("mean squared distance of what is predicted from what happened; lower is better"),
    "rmse": later("root of the mean squared error, in the label's unit; lower is better"),
    "mae": later("mean distance of predicted from observed, in the label's unit; lower is better"),
    "r2": later("share of the labels' spread that is predicted: 0 as good as their mean; higher is better"),
    "spearman": later("how alike predicted and observed are in order, from -1 to 1; higher is better"),
    "ndcg": later("how near the top of the list the chosen items stand; higher is better"),
    "mrr": later("one over the place of the first chosen item; higher is better"),
    "map": later("mean precision down the list; higher is better"),
    "hit_rate": later("share of lists with a chosen item in them; higher is better"),
    "err": later("one over the place where a user who reads down the list is satisfied; higher is better"),
    "rbp": later("share of what a patient user sees that is right; higher is better"),
    "coverage": later("share of all items that stand in anyone's list"),
    "gini": later("how unevenly items share the places: 0 all alike, 1 one has all"),
    "novelty": later("how rare the listed items are, in bits: one more, half as many users took them"),
    "popularity_lift": later("how much more popular lists are than what their users took before: 0 as popular, 1 twice"),
    "popularity_share": later("share of the list that is among the most taken items, those with half of all takings"),
    "diversity": later("share of pairs in a list that are of two categories"),
    "serendipity": later("right items of the list, each counted by how few would expect it: 0 for a bestseller"),
    "judged": later("share of the list that has a grade, be it 0: where it is low, accuracy is a guess"),
}
SMALL = (
    (1e-2, 1.0, ""),
    (1e-4, 1e3, later("thousandths of ")),
    (1e-7, 1e6, later("millionths of ")),
    (0.0, 1e9, later("billionths of ")),
)


def known(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def minus(text: str) -> str:
    """A number's text with a true minus sign, and none before a zero."""
    if text.startswith("-") and not text.strip("-0."):
        text = text[1:]
    return text.replace("-", "−", 1) if text.startswith("-") else text


def count(value: Any) -> str:
    """A whole number with separators."""
    return f"{value:,.0f}" if known(value) else NONE


def counted(value: int, noun: str) -> str:
    """A number of things: 1 click, 2 clicks. noun: an English one, whose plural has an s; the catalogue has "{count} noun"."""
    one, many = f"{{count}} {noun}", f"{{count}} {noun}s"
    return several(one, many, value, count=count(value))


def short(value: float) -> str:
    """A round number as short as can be: 1k, 10k, 1M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def plain(value: Any) -> str:
    """A number with three significant digits."""
    return minus(f"{value:.3g}" if abs(value) < 1e4 else f"{value:,.0f}") if known(value) else NONE


def figure(value: Any, *, sign: bool = False) -> str:
    """A measure: four decimals, and as many more as its first digit takes."""
    if not known(value):
        return NONE
    decimals = -math.floor(math.log10(abs(value))) if 1e-9 <= abs(value) < 0.5e-4 else 4
    return minus(f"{value:+.{decimals}f}" if sign else f"{value:.{decimals}f}")


def estimate(value: Any, low: Any = None, high: Any = None, *, sign: bool = False) -> str:
    """A measure and its interval."""
    if not (known(low) and known(high)):
        return figure(value, sign=sign)
    ends = {"low": figure(low, sign=sign), "high": figure(high, sign=sign)}
    return say("{value} ({low} to {high})", value=figure(value, sign=sign), **ends)


def estimated(one: Estimate | None, *, sign: bool = False) -> str:
    """An estimate and its interval; NONE where there is none."""
    return NONE if one is None else estimate(one.value, one.low, one.high, sign=sign)


def p_value(p: float | None) -> str:
    """A probability of no difference, no shorter than it tells."""
    return say("below 0.0001") if known(p) and p < 1e-4 else figure(p)


def percent(value: Any) -> str:
    """A share in percent, as many digits as it takes."""
    if not known(value):
        return NONE
    hundred = 100 * value
    text = f"{hundred:.0f}" if hundred == 0 or abs(hundred) >= 10 else f"{hundred:.2g}"
    return minus(text if "e" not in text else f"{hundred:.4f}") + " %"


def duration(seconds: Any) -> str:
    """Seconds in words."""
    if not known(seconds):
        return NONE
    if seconds < 100:
        return say("{seconds} s", seconds=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    return say("{minutes} min {seconds} s", minutes=minutes, seconds=f"{rest:02d}")


def memory(megabytes: Any) -> str:
    """Megabytes in words."""
    if not known(megabytes):
        return NONE
    return f"{megabytes:,.0f} MB" if megabytes < 1024 else f"{megabytes / 1024:.1f} GB"


_OF_LOG = ("category", "department", "brand")  # attributes of requests whose levels are the log's


def level(name: str | None, attribute: str) -> str:
    """A level of a request's attribute; the log's own stay as they are, but for what stands for the rest."""
    if name is None:
        return say("unknown")
    own = attribute in _OF_LOG or attribute.startswith("user ")
    return (name if own and name != OTHER else retell(name)) or say("(empty)")


def day(moment: Any) -> str:
    """The date of an ISO 8601 time."""
    return str(moment)[:10] if moment else NONE


_REASONS = 3  # that are told of rows that were taken out


def taken_out(log: Cleaned | None) -> str:
    """How many rows cleaning took out, with the most frequent reasons and their shares of all rows."""
    if log is None or not log.rejected:
        return say("nothing taken out")
    reasons = [(number, reason) for step in log.steps for reason, number in step.reasons.items()]
    reasons.sort(key=lambda pair: (-pair[0], pair[1]))
    shares = [f"{retell(reason)} {percent(number / log.rows_read)}" for number, reason in reasons[:_REASONS]]
    more = [counted(len(reasons) - _REASONS, "other reason")] if len(reasons) > _REASONS else []
    return say(
        "{count} of {rows} taken out ({reasons})",
        count=count(log.rejected),
        rows=count(log.rows_read),
        reasons=clauses([*shares, *more]),
    )


def left_over(samples: SamplesMade | None, log: Cleaned | None) -> str | None:
    """What is in no split because the log breaks off in its last period, in a sentence; None where that one is whole."""
    test = (samples.splits or {}).get("test") if samples is not None else None
    if test is None or log is None or day(log.to) <= test.to:
        return None
    return say(
        "The events after {day} are in no split and test nothing: the log ends on {end}, before the last period is over.",
        day=test.to,
        end=day(log.to),
    )


def exposures(samples: SamplesMade) -> str | None:
    """Which periods have exposures, in a sentence; None where all have some, or none has."""
    shown, every = samples.exposures or [], sum(split.periods for split in (samples.splits or {}).values())
    exposed = sum(stretch.periods for stretch in shown)
    if exposed in (0, every):
        return None
    return say(
        "The log says what was shown in {exposed} of {every} periods ({stretches}): samples of these are exposures, and what was "
        "shown is what is ranked. In the other periods, what was not taken is a sample of {others}.",
        exposed=exposed,
        every=every,
        stretches=listed(say("{first} to {last}", first=stretch.from_, last=stretch.to) for stretch in shown),
        others=say("drawn items") if samples.negatives_rate is None else say("candidates"),
    )


def unit(values: Iterable[Any]) -> tuple[float, str]:
    """(factor, words): what to multiply values by so that they read well, and what to call that."""
    largest = max((abs(v) for v in values if known(v)), default=0.0)
    if largest == 0.0:
        return 1.0, ""
    return next((factor, say(name) if name else "") for least, factor, name in SMALL if largest >= least)


def meaning(measure: str) -> str:
    """What a measure says, in words; empty for one that explains itself."""
    name = read(measure)
    words = MEASURES.get(measure if name is None else name.base)
    return "" if words is None else say(words)


def lower_is_better(measure: str) -> bool:
    """Whether less of a measure is more, as for losses and errors."""
    return measure.split("@")[0] in LOWER_IS_BETTER


def ordered(measures: Iterable[str]) -> list[str]:
    """Measures, those that claims are made on first."""
    names = set(measures)
    first = claims(names)
    return [*first, *sorted(names - set(first))]


def judge(measure: str, change: Change) -> Verdict:
    """`better`, `worse` or `even`: whether an interval leaves out 0, and on which side; `few`: too few to tell."""
    return verdict(measure, change.judged_by()) if known(change.value) else "even"


def changes(by_measure: Mapping[str, Change]) -> list[tuple[Verdict, str]]:
    """(verdict, change) of each measure that claims are made on."""
    return [(judge(m, by_measure[m]), figure(by_measure[m].value, sign=True)) for m in claims(by_measure)]


def change_of(measure: str, change: Change) -> str:
    """A measure's change with its interval, and what it means, in words."""
    meant = {"better": say("a gain"), "worse": say("a loss"), "even": say("within chance"), "few": say("too few to tell")}
    return say(
        "{measure} {change}, {meant}", measure=measure, change=estimated(change, sign=True), meant=meant[judge(measure, change)]
    )


def too_few(changes: Iterable[Change]) -> str | None:
    """That there are too few requests to tell some differences, in a sentence; None where there are enough."""
    needs = [change.needs for change in changes if change.needs is not None]
    return say("Too few to tell: it would take some {count} requests.", count=count(max(needs))) if needs else None


def finding(
    model: str, selected: Selected, chosen: str | None = None, doubt: str | None = None, few: str | None = None
) -> tuple[Tone, str]:
    """(tone, sentence) about one model's selection, whose arm was `chosen`.

    doubt: why its gain is none of what is served. few: that tuning had too few requests to choose, in a sentence.
    """
    valuer, removed, difference = selected.valuer, selected.removed_fraction, selected.difference
    if not removed and not any(change.value for change in difference.values()):
        fine = say("The data is fine in this respect.")
        if doubt:
            fine = say("That says little of the data: {doubt}.", doubt=doubt)
        nothing = say(
            "Nothing to remove for {model}: on the tuning set no change by {valuer} was better than keeping every training "
            "sample as it is.",
            model=model,
            valuer=valuer,
        )
        return "even", paragraph([nothing, few or too_few(difference.values()) or fine])
    shown = claims(difference) or ordered(difference)[:3]
    verdicts = {judge(m, difference[m]) for m in shown}
    lacking = too_few(difference[m] for m in shown)
    each = (f"{m} {estimated(difference[m], sign=True)}" if lacking else change_of(m, difference[m]) for m in shown)
    if chosen:
        named = retell(chosen)
    elif removed:
        share = percent(removed)
        named = say("without the {share} of training samples picked by {valuer}", share=share, valuer=valuer)
    else:
        named = say("re-weighted by {valuer}", valuer=valuer)
    told = say(
        "{change}: {model} changed on the untouched test by {measures}.",
        change=f"{named[0].upper()}{named[1:]}",
        model=model,
        measures=clauses(each) or say("no measure"),
    )
    if lacking:
        return "even", paragraph([told, lacking])
    tone, said = _verdict(verdicts, doubt)
    return tone, paragraph([told, said, *_by_tuning(model, selected.tuning)])


def _verdict(verdicts: Set[str], doubt: str | None) -> tuple[Tone, str]:
    """What the changes of the measures say together."""
    if verdicts == {"better"} or verdicts == {"better", "even"}:
        return ("even", say("A gain of this model alone: {doubt}.", doubt=doubt)) if doubt else ("good", say("It helps."))
    if verdicts >= {"better", "worse"}:
        return "bad", say("The result is mixed: keep all samples unless the gain is what counts.")
    if "worse" in verdicts:
        return "bad", say("It hurts: keep all samples.")
    return "even", say("No difference beyond chance: keep all samples.")


def _by_tuning(model: str, tuning: Mapping[str, Change]) -> list[str]:
    """Whether the change would have been chosen for a model that had no part in the choice, in a sentence."""
    if (loss := decides(tuning)) not in tuning:
        return []
    change = estimated(tuning[loss], sign=True)
    if judge(loss, tuning[loss]) == "better":
        return [say("On the tuning set it helped {model} too ({loss} {change}).", model=model, loss=loss, change=change)]
    linear = retell(of_measures(tuning).linear)
    told = later("The {linear} chose it; on the tuning set it was no gain to {model} ({loss} {change}).")
    return [say(told, linear=linear, model=model, loss=loss, change=change)]


def valuer(name: str | None) -> str:
    """Whose values order the samples; None: nobody's."""
    return say("at random") if name is None else name


def flagged(page: FlaggedUsers | FlaggedSamples, one: str, many: str) -> str:
    """How many of how many are flagged, in a sentence. one, many: what is said of them, as the catalogue has it."""
    if not page.flagged:
        return say("Nothing to mend among {of}: no {what}.", of=count(page.of), what=say(one))
    sure = page.expected_precision if isinstance(page, FlaggedSamples) else None
    values = {"count": count(page.flagged), "of": count(page.of), "what": several(one, many, page.flagged)}
    if sure:
        return say("{count} of {of} {what}; some {share} of these should be wrong.", share=percent(sure), **values)
    return say("{count} of {of} {what}.", **values)


def anomalies(page: Anomalies, *, users: bool) -> str:
    """How many users and labels are flagged, in a sentence each; users: whether rows have users who could be."""
    labels = flagged(page.samples, *_DOUBTFUL)
    return paragraph([flagged(page.users, *_ROBOTS), labels]) if users else labels


def features(page: FeaturesKept) -> str:
    """What feature selection saved and cost, in a sentence."""
    columns, entries = page.columns, page.entries_a_row
    return say(
        "{kept} of {all} features kept by {method}: {columns} columns became {left}, {entries} entries per row {less}; on tuning "
        "this changed logistic by {changes}",
        kept=len(page.kept),
        all=len(page.kept) + len(page.hidden),
        method=page.method,
        columns=count(columns.all),
        left=count(columns.kept),
        entries=plain(entries.all),
        less=plain(entries.kept),
        changes=clauses(change_of(m, page.difference[m]) for m in claims(page.difference)),
    )


def best_model(models: Mapping[str, Tested], measure: str) -> tuple[str, Estimate] | None:
    """The model with the best test figure of a measure, ties by name."""
    scored = [
        (figure.value, name)
        for name, model in sorted(models.items())
        if (figure := model.test.get(measure)) is not None and known(figure.value)
    ]
    if not scored:
        return None
    sign = -1 if lower_is_better(measure) else 1
    name = max(scored, key=lambda pair: sign * pair[0])[1]
    return name, models[name].test[measure]
