"""What the report says first: findings, the verdict on test, the curve of amounts, the rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from assay.app import plots, words
from assay.app.plots import Row, Series
from assay.app.sections.facts import Facts, Part, interval, scaled
from assay.evaluation.claims import CLAIMS, DECIDES_RANKED

SLICES_SHOWN = 12  # those that help come first
ARMS = ("full", "selected", "random", "recency", "popularity", "loss")


def headline(facts: Facts) -> Part | None:
    """The findings in sentences, and the run in a few large numbers."""
    summary = facts.summary
    if not summary:
        return None
    chosen = _chosen(facts)
    findings = [words.finding(model, entry, chosen) for model, entry in sorted(summary.get("selection", {}).items())]
    curve_page = facts.json("selection/curve.json") or {}
    if curve_page.get("usable") is False:
        shown = f"Values by {curve_page['valuer']} are not to be used here: on tuning, removing by them did worse than at random."
        findings.append(("bad", f"{shown} Nothing was removed by them."))
    if explained := _explained(facts):
        findings.append(("even", explained))
    rules = [rule for rule in facts.json("selection/rules.json") or [] if rule.get("confirmed")]
    findings += [
        (
            "bad",
            f"A slice of the log costs more than it gives: {rule['rule']} ({words.percent(rule.get('share'))} of "
            f"training samples, confirmed on other folds). Advice: {rule['advice']}.",
        )
        for rule in rules
        if rule["advice"].startswith(("drop", "give"))
    ]
    if rules and all(rule["advice"].startswith("keep") for rule in rules if rule["trials"]):
        findings.append(
            ("even", "Rules describe samples of low value, but the model is not better without them: see below, keep them.")
        )
    log, samples = summary.get("log", {}), summary.get("samples", {})
    tiles = [("events kept", words.count(log.get("events"))), ("users", words.count(log.get("users")))]
    tiles += [
        ("items", words.count(log.get("items"))),
        ("training samples", words.count(samples.get("train"))),
    ]
    for measure in ("auc", DECIDES_RANKED):
        best = words.best_model(summary.get("models", {}), measure)
        if best:
            tiles.append((f"best {measure}: {best[0]}", words.figure(best[1].get("value"))))
    return {"findings": findings, "tiles": [tile for tile in tiles if tile[1] != words.NONE]}


def _chosen(facts: Facts) -> str | None:
    """The arm that tuning chose; None where nothing was."""
    name = (facts.json("selection/curve.json") or {}).get("chosen")
    return None if name in (None, "nothing") else str(name)


def _explained(facts: Facts) -> str | None:
    """What the chosen arm changes, in the words of the simplest rule, and whether the rule does as well."""
    found = (facts.json("selection/curve.json") or {}).get("explained")
    if not found:
        return None
    verdicts = {m: words.judge(m, found["against_chosen"][m]) for m in CLAIMS if m in found["against_chosen"]}
    worse, better = ([m for m, verdict in verdicts.items() if verdict == kind] for kind in ("worse", "better"))
    if worse:
        compared = f"The same change by this rule does worse on tuning ({', '.join(worse)})"
        compared += f", though better in {', '.join(better)}: the values" if better else ": the values"
        compared += " tell more than the rule."
    else:
        compared = "The same change by this rule does as well on tuning: mend these rows at their source."
    return (
        f"Which samples those are, in the simplest words: {found['rule']} ({words.percent(found['covers'])} of the changed "
        f"samples; of all {words.count(found['rows'])} such samples {words.percent(found['precision'])} are changed). {compared}"
    )


def _arms(ident: str, arms: Mapping[str, Any], order: Sequence[str]) -> list[Part]:
    """One plot a measure over the arms of one experiment."""
    names = [arm for arm in order if arm in arms] + sorted(set(arms) - set(order))
    measures = words.ordered({m for arm in arms.values() for m in arm})
    figures = []
    for measure in [m for m in measures if m in CLAIMS] or measures[:2]:
        lines = [
            Row(
                name,
                *scaled(arms[name][measure], 1.0),
                tone={"full": "ink", "selected": "s1"}.get(name, "s0"),
            )
            for name in names
            if measure in arms[name]
        ]
        plot = plots.rows(f"{ident}-{measure}", lines)
        figures.append({"name": measure, "meaning": words.meaning(measure), "plot": plot})
    return figures


def verdict(facts: Facts) -> Part | None:
    """Selected against all data and the simple ways, on test, once."""
    groups = []
    for model, entry in sorted(facts.summary.get("selection", {}).items()):
        _, sentence = words.finding(model, entry, _chosen(facts))
        figures = _arms(f"plot-verdict-{model}", entry.get("test", {}), ARMS)
        groups.append({"name": model, "sentence": sentence, "figures": figures})
    subsample = facts.summary.get("subsample") or {}
    if subsample.get("test"):
        share = words.percent(subsample.get("fraction"))
        sentence = f"Trained on {share} of the samples: a uniform draw, a draw weighted by importance, and all."
        figures = _arms("plot-subsample", subsample["test"], ("all", "weighted", "uniform"))
        groups.append({"name": "A smaller training set", "sentence": sentence, "figures": figures})
    asked = (facts.json("evaluation/account.json") or {}).get("test_consulted_by")
    compared = (facts.json("systems/systems.json") or {}).get("systems", [])
    later = sum("test" in line for line in compared)
    return {"groups": groups, "asked": asked, "later": later} if groups else None


def _curve(arms: Sequence[Mapping[str, Any]], measure: str) -> Markup:
    """Difference to keeping everything, over the share removed; one line for each way of choosing."""
    drawn = [arm for arm in arms if arm.get("removed_fraction") and measure in arm.get("difference", {})]
    fractions = sorted({arm["removed_fraction"] for arm in drawn})
    series = []
    for way in dict.fromkeys(_way(arm) for arm in drawn):
        own = sorted((arm for arm in drawn if _way(arm) == way), key=lambda arm: float(arm["removed_fraction"]))
        points = [(fractions.index(arm["removed_fraction"]), *interval(arm["difference"][measure])) for arm in own]
        series.append(Series(way, points))
    if not series:
        return Markup("")
    return plots.curve(
        f"plot-curve-{measure}",
        [words.percent(f) for f in fractions],
        series,
        x_title="share of training samples removed",
        y_title=f"change of {measure} on tuning",
    )


def _way(arm: Mapping[str, Any]) -> str:
    """What says which samples an arm removes: a valuer, chance, or what the arm is called after."""
    return words.valuer(arm["valuer"]) if arm["family"] in ("removal", "random") else str(arm["arm"])


def curve(facts: Facts) -> Part | None:
    """How tuning scores change with what is removed or re-weighted."""
    found = facts.json("selection/curve.json") or {}
    arms = found.get("arms", [])
    measures = words.ordered({m for arm in arms for m in arm.get("difference", {})})
    shown = [m for m in measures if m in CLAIMS] or measures[:2]
    if not shown:
        return None
    kept_all = [arm for arm in arms if not arm.get("removed_fraction") and arm.get("difference")]
    figures = []
    for measure in shown:
        others = [
            Row(str(arm.get("arm")), *scaled(arm["difference"][measure], 1.0), tone="ink")
            for arm in kept_all
            if measure in arm["difference"]
        ]
        others = [line for line in others if line.value or line.low]  # "nothing" differs from itself by 0
        rows = plots.rows(f"plot-arms-{measure}", others, zero=True)
        figures.append({"name": measure, "meaning": words.meaning(measure), "plot": _curve(arms, measure) + rows})
    return {"figures": figures, "chosen": found.get("chosen"), "valuer": found.get("valuer")}


def study(facts: Facts) -> Part | None:
    """The long comparison: every valuer's removals, on the logistic regression by amount, on the others at 2 %."""
    curves, models = facts.json("study/curves.json") or [], facts.json("study/models.json") or []
    if not curves and not models:
        return None
    figures = []
    fractions = sorted({line["fraction"] for line in curves})
    for measure in [m for m in CLAIMS if m in (curves or models)[0]["difference"]]:
        series = []
        for valuer in dict.fromkeys(line["valuer"] for line in curves):
            own = sorted((c for c in curves if c["valuer"] == valuer), key=lambda line: float(line["fraction"]))
            points = [(fractions.index(line["fraction"]), *interval(line["difference"][measure])) for line in own]
            series.append(Series(words.valuer(valuer), points))
        names = [words.percent(fraction) for fraction in fractions]
        title = f"change of {measure} on tuning"
        by_amount = Markup("")  # where [select] fractions names none
        if series:
            x_title = "share of training samples removed"
            by_amount = plots.curve(f"plot-study-{measure}", names, series, x_title=x_title, y_title=title)
        rows = [
            Row(f"{line['model']}, {words.valuer(line['valuer'])}", *scaled(line["difference"][measure], 1.0), tone="ink")
            for line in models
            if measure in line["difference"]
        ]
        others = plots.rows(f"plot-study-models-{measure}", rows, zero=True)
        figures.append({"name": measure, "meaning": words.meaning(measure), "plot": by_amount + others})
    return {
        "figures": figures,
        "fraction": words.percent(models[0]["fraction"]) if models else None,
        "methods": _methods(facts),
        "recommenders": _recommenders(facts),
        "measures": CLAIMS,
    }


def weights(facts: Facts) -> Part | None:
    """What `assay weights` learnt and chose; None where it has not run."""
    found = facts.json("weights/learnt.json")
    if found is None:
        return None
    lines = [{"name": line["weights"], "cells": words.changes(line["difference"])} for line in found["families"]]
    return {"lines": lines, "chosen": found["chosen"], "measures": CLAIMS}


def _methods(facts: Facts) -> list[Part]:
    """Cost beside gain, a line a valuer, model and set of samples."""
    return [
        {
            "name": line["valuer"],
            "model": line.get("model", ""),
            "set": line.get("set", ""),
            "seconds": words.duration(line.get("seconds")) if "seconds" in line else "",
            "cells": words.changes(line.get("difference", {})),
            "against": words.changes(line.get("against_random", {})),
            "why_not": line.get("why_not", ""),
        }
        for line in facts.json("study/methods.json") or []
    ]


def _recommenders(facts: Facts) -> list[Part]:
    """Every model's measures on tuning, recommenders first."""
    return [
        {
            "name": line["model"],
            "seconds": words.duration(line["seconds"]) if "seconds" in line else "",
            "cells": [words.figure(line["tuning"].get(m, {}).get("value")) for m in CLAIMS] if "tuning" in line else [],
            "why_not": line.get("why_not", ""),
        }
        for line in facts.json("study/recommenders.json") or []
    ]


def rules(facts: Facts) -> Part | None:
    """Rules of a few words that describe low-valued samples."""
    lines = [
        {
            "rule": line.get("rule", ""),
            "rows": words.count(line.get("rows")),
            "share": words.percent(line.get("share")),
            "z": words.plain(line.get("z")),
            "confirmed": "yes" if line.get("confirmed") else "no",
            "trials": [{"name": name.split(" ")[0], "cells": words.changes(found)} for name, found in line["trials"].items()],
            "advice": line["advice"],
        }
        for line in facts.json("selection/rules.json") or []
    ]
    return {"lines": lines, "measures": CLAIMS} if lines else None


def slices(facts: Facts) -> Part | None:
    """What `assay slices` found; None where it has not run."""
    found = facts.json("slices/found.json")
    if found is None:
        return None
    lines = [
        {
            "rule": line["rule"],
            "rows": words.count(line["rows"]),
            "share": words.percent(line["share"]),
            "confirmed": "by construction" if line["because"] == "construction" else "yes" if line["confirmed"] else "no",
            "trials": [_tried(name, trial) for name, trial in line["trials"].items()],
            "advice": line["advice"],
            "examples": line["examples"],
        }
        for line in found[:SLICES_SHOWN]
    ]
    harmful = sum(bool(line["helps"]) for line in found)
    return {"lines": lines, "harmful": harmful, "measures": CLAIMS}


def _tried(name: str, trial: Mapping[str, Any]) -> Part:
    expected = words.figure(trial["forecast"], sign=True)
    return {"name": name.split(" ")[0], "cells": words.changes(trial["difference"]), "forecast": expected}
