"""How the served model stands beside the simple rules, in words: the first sentence of the report and of the terminal."""

from collections.abc import Mapping

from assay.app import words
from assay.config import Config
from assay.evaluation.claims import LEAST_USERS, decides, verdict
from assay.pages.evaluation import Standing, Summary
from assay.pages.parts import Change, Tested
from assay.pages.selection import Curve
from assay.runs.section import Tone

NOTHING = "nothing"  # the arm that changes nothing
_NAMES = {"buy_it_again": "buy-it-again"}


def sentence(standing: Standing) -> tuple[Tone, str]:
    """(tone, sentence): the served model against chance, popularity and buy-it-again on the same test."""
    measure, served = standing.measure, standing.served
    own = standing.rules.get(served)
    rivals = {name: change[measure] for name, change in standing.difference.items() if measure in change}
    rivals = {name: change for name, change in rivals.items() if words.known(change.value)}
    figures = {name: standing.rules[name].test[measure].value for name in rivals}
    against = ", ".join(f"{words.figure(value)} by {_name(name)}" for name, value in figures.items())
    value = own.test[measure].value if own is not None else _served_value(standing, rivals)
    start = f"{_name(served)} is served. On the test set its {measure} is {words.figure(value)}"
    start += f", against {against}" if against else ""
    start += " (lower is better). " if words.lower_is_better(measure) else ". "
    if own is not None:
        start += f"It is a simple rule itself: on the tuning set nothing was better than {_name(served)}. "
    if not rivals:
        return "even", start.strip()
    return _judged(start, standing, rivals)


def _judged(start: str, standing: Standing, rivals: Mapping[str, Change]) -> tuple[Tone, str]:
    """Where the served model wins and loses, beyond chance or not."""
    measure = standing.measure
    sides = {name: verdict(measure, change.ends()) for name, change in rivals.items()}
    sign = -1 if words.lower_is_better(measure) else 1
    best = min(rivals, key=lambda name: sign * (rivals[name].value or 0.0))
    margin = f"by {words.estimated(rivals[best], sign=True)}"
    below = sign * (rivals[best].value or 0.0) < 0
    if standing.users < LEAST_USERS:
        few = words.too_few(rivals.values()) or "Too few to tell."
        return "even", f"{start}The test has {words.counted(standing.users, 'user')}. {few}"
    losses = [name for name in rivals if sides[name] == "worse"]
    if losses:
        each = " and ".join(f"{_name(name)} ({words.estimated(rivals[name], sign=True)})" for name in losses)
        return "bad", f"{start}It loses to {each}."
    if all(side == "better" for side in sides.values()):
        each = "each of them: than " if len(rivals) > 1 else ""
        tone: Tone = "even" if standing.served in standing.rules else "good"
        return tone, f"{start}It is better than {each}{_name(best)} {margin}."
    needs = rivals[best].needs
    enough = f"; to tell it would take some {words.count(needs)} requests" if needs is not None else ""
    which = "It is no better than" if below or not rivals[best].value else "It is not surely better than"
    return "even", f"{start}{which} {_name(best)}: the difference, {margin[3:]}, is within chance{enough}."


def _served_value(standing: Standing, rivals: Mapping[str, Change]) -> float | None:
    """The served model's figure: a rule's, and what it has more."""
    for name, change in rivals.items():
        value = standing.rules[name].test[standing.measure].value
        if value is not None and change.value is not None:
            return value + change.value
    return None


def gain(model: str, summary: Summary, curve: Curve | None) -> tuple[Tone, str]:
    """(tone, sentence): what the selection did to a model on test. No gain is praised that is none of what is served."""
    selected = summary.selection[model]
    chosen = None if curve is None or curve.chosen == NOTHING else curve.chosen
    few = None if curve is None or chosen is not None else _few_on_tuning(curve)
    return words.finding(model, selected, chosen, doubt(model, summary.models, summary.standing), few)


def _few_on_tuning(curve: Curve) -> str | None:
    """That tuning could tell of no arm whether it is better, in a sentence; None where it could of some."""
    needs = [arm.difference[loss].needs for arm in curve.arms if (loss := decides(arm.difference)) in arm.difference]
    enough = [need for need in needs if need is None]
    told = [need for need in needs if need is not None]
    return f"Too few to tell on tuning: it would take {words.count(min(told))} requests or more." if told and not enough else None


def doubt(model: str, models: Mapping[str, Tested], standing: Standing | None) -> str | None:
    """Why a gain of a model's selection is no gain of what is served, in a sentence; None where it is one."""
    if standing is None:
        return None
    measure, reasons = standing.measure, []
    own = models[model].test.get(measure) if model in models else None
    if own is not None and own.value is not None:
        sign = -1 if words.lower_is_better(measure) else 1
        better = {
            name: value
            for name, rule in standing.rules.items()
            if name != model and (value := rule.test[measure].value) is not None and sign * value > sign * own.value
        }
        if better:
            best = max(better, key=lambda name: sign * better[name])
            figures = f"{measure} {words.figure(own.value)} against {words.figure(better[best])}"
            reasons.append(f"{model} is worse than {_name(best)} ({figures})")
    if model != standing.served:
        reasons.append(f"{_name(standing.served)} is served, not {model}")
    return "; ".join(reasons) or None


def limits(standing: Standing | None, left_out: Mapping[str, str], config: Config) -> list[str]:
    """What the log cannot tell: of later days, of users without a past; and models that were left out for it."""
    sentences = [f"{_name(name)} is left out: {why}." for name, why in left_out.items()]
    if config.log is not None and any(events.no_times for events in config.log.events):
        sentences.insert(
            0,
            "The log has no times: each event was put on one of 20 days by chance. So the split is by chance, nothing here is "
            "shown on later data, and whatever changes with time (trends, seasons, what is new) cannot be learnt or tested.",
        )
    if config.table is not None and config.table.random_split is not None:
        sentences.insert(0, "The rows were split by chance, not by time: that a result holds on later data is not shown.")
    if standing is not None and standing.with_past == 0:
        nobody = "No user of the test has a past in the log: nobody comes back, so nothing personal can be recommended."
        return [nobody, *sentences]
    if standing is not None and standing.with_past is not None and standing.with_past < 0.5:
        share = words.percent(standing.with_past)
        sentences.insert(0, f"Only {share} of the test's requests are by users with a past in the log; the others have none.")
    return sentences


def _name(model: str) -> str:
    return _NAMES.get(model, model)
