"""How the served model stands beside the simple rules, in words: the first sentence of the report and of the terminal."""

from collections.abc import Mapping
from functools import reduce

from assay.app import words
from assay.config import Config
from assay.evaluation.claims import LEAST_USERS, decides, verdict
from assay.language import clauses, english, later, listed, paragraph, say
from assay.language.retelling import retell
from assay.pages.evaluation import Standing, Summary
from assay.pages.parts import Change, Tested
from assay.pages.selection import Curve
from assay.runs.section import Tone

NOTHING = "nothing"  # the arm that changes nothing
CHANCE = english("chance")  # the rule of every test
_NAMES = {"buy_it_again": "buy-it-again"}
_LEFT_OUT = later("{name} is left out: {why}.")


def sentence(standing: Standing) -> tuple[Tone, str]:
    """(tone, sentence): the served model against chance, popularity and buy-it-again on the same test."""
    measure, served = standing.measure, standing.served
    own = standing.rules.get(served)
    rivals = {name: change[measure] for name, change in standing.difference.items() if measure in change}
    rivals = {name: change for name, change in rivals.items() if words.known(change.value)}
    figures = {name: standing.rules[name].test[measure].value for name in rivals}
    against = listed(say("{value} by {rule}", value=words.figure(one), rule=_name(name)) for name, one in figures.items())
    value = own.test[measure].value if own is not None else _served_value(standing, rivals)
    named = {"model": _name(served), "measure": measure, "value": words.figure(value)}
    lower = say("(lower is better)") if words.lower_is_better(measure) else ""
    start = [_served(named, against, lower)]
    if own is not None:
        rule = _name(served)
        start.append(say("It is a simple rule itself: on the tuning set nothing was better than {rule}.", rule=rule))
    if not rivals:
        return "even", paragraph(start)
    tone, said = _judged(standing, rivals)
    return tone, paragraph([*start, said])


def _served(named: Mapping[str, str], against: str, lower: str) -> str:
    """What the served model has on test, and what the rules have. lower: that lower is better, where it is."""
    if against and lower:
        told = later("{model} is served. On the test set its {measure} is {value}, against {against} {lower}.")
    elif against:
        told = later("{model} is served. On the test set its {measure} is {value}, against {against}.")
    elif lower:
        told = later("{model} is served. On the test set its {measure} is {value} {lower}.")
    else:
        told = later("{model} is served. On the test set its {measure} is {value}.")
    return say(told, against=against, lower=lower, **named)


def _judged(standing: Standing, rivals: Mapping[str, Change]) -> tuple[Tone, str]:
    """Where the served model wins and loses, beyond chance or not."""
    measure = standing.measure
    sides = {name: verdict(measure, change.ends()) for name, change in rivals.items()}
    sign = -1 if words.lower_is_better(measure) else 1
    best = min(rivals, key=lambda name: sign * (rivals[name].value or 0.0))
    margin = words.estimated(rivals[best], sign=True)
    below = sign * (rivals[best].value or 0.0) < 0
    if standing.users < LEAST_USERS:
        few = words.too_few(rivals.values()) or say("Too few to tell.")
        return "even", paragraph([say("The test has {users}.", users=words.counted(standing.users, "user")), few])
    losses = [name for name in rivals if sides[name] == "worse"]
    if losses:
        each = [f"{_name(name)} ({words.estimated(rivals[name], sign=True)})" for name in losses]
        return "bad", say(
            "It loses to {rules}.", rules=reduce(lambda one, other: say("{one} and {other}", one=one, other=other), each)
        )
    if all(side == "better" for side in sides.values()):
        tone: Tone = "even" if standing.served in standing.rules else "good"
        told = later("It is better than {rule} by {margin}.")
        if len(rivals) > 1:
            told = later("It is better than each of them: than {rule} by {margin}.")
        return tone, say(told, rule=_name(best), margin=margin)
    return "even", _within_chance(_name(best), rivals[best], no_better=below or not rivals[best].value)


def _within_chance(rule: str, change: Change, *, no_better: bool) -> str:
    """That the served model's distance from a rule is within chance, and what it would take to tell."""
    values = {"rule": rule, "margin": words.estimated(change, sign=True), "count": words.count(change.needs)}
    if change.needs is None:
        told = later("It is not surely better than {rule}: the difference, {margin}, is within chance.")
        if no_better:
            told = later("It is no better than {rule}: the difference, {margin}, is within chance.")
        return say(told, **values)
    told = later(
        "It is not surely better than {rule}: the difference, {margin}, is within chance; to tell it would take some {count} "
        "requests."
    )
    if no_better:
        told = later(
            "It is no better than {rule}: the difference, {margin}, is within chance; to tell it would take some {count} "
            "requests."
        )
    return say(told, **values)


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
    if not told or enough:
        return None
    return say("Too few to tell on tuning: it would take {count} requests or more.", count=words.count(min(told)))


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
            worse = say(
                "{model} is worse than {rule} ({measure} {value} against {best})",
                model=model,
                rule=_name(best),
                measure=measure,
                value=words.figure(own.value),
                best=words.figure(better[best]),
            )
            reasons.append(worse)
    if model != standing.served:
        reasons.append(say("{served} is served, not {model}", served=_name(standing.served), model=model))
    return clauses(reasons) or None


def limits(standing: Standing | None, left_out: Mapping[str, str], config: Config) -> list[str]:
    """What the log cannot tell: of later days, of users without a past; and models that were left out for it."""
    sentences = [say(_LEFT_OUT, name=_name(name), why=retell(why)) for name, why in left_out.items()]
    if config.log is not None and any(events.no_times for events in config.log.events):
        sentences.insert(
            0,
            say(
                "The log has no times: each event was put on one of 20 days by chance. So the split is by chance, nothing here "
                "is shown on later data, and whatever changes with time (trends, seasons, what is new) cannot be learnt or "
                "tested."
            ),
        )
    if config.table is not None and config.table.random_split is not None:
        by_chance = say("The rows were split by chance, not by time: that a result holds on later data is not shown.")
        sentences.insert(0, by_chance)
    if standing is not None and standing.with_past == 0:
        nobody = say("No user of the test has a past in the log: nobody comes back, so nothing personal can be recommended.")
        return [nobody, *sentences]
    if standing is not None and standing.with_past is not None and standing.with_past < 0.5:
        told = later("Only {share} of the test's requests are by users with a past in the log; the others have none.")
        sentences.insert(0, say(told, share=words.percent(standing.with_past)))
    return sentences


def _name(model: str) -> str:
    return retell(CHANCE) if model == CHANCE else _NAMES.get(model, model)
