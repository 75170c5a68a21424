"""What the report says first: findings, the verdict on test, the curve of amounts, the rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from assay.app import plots, words
from assay.app.plots import Row, Series
from assay.app.sections.facts import Facts, Part, interval, scaled

ARMS = ("full", "selected", "random", "recency", "popularity", "loss")


def headline(facts: Facts) -> Part | None:
    """The findings in sentences, and the run in a few large numbers."""
    summary = facts.summary
    if not summary:
        return None
    findings = [words.finding(model, entry) for model, entry in sorted(summary.get("selection", {}).items())]
    rules = [rule for rule in facts.json("selection/rules.json") or [] if rule.get("confirmed")]
    findings += [
        (
            "bad",
            f"A slice of the log costs more than it gives: {rule['rule']} ({words.percent(rule.get('share'))} of "
            f"training samples, confirmed on other folds). {rule.get('advice') or ''}".strip(),
        )
        for rule in rules[:3]
    ]
    log, samples = summary.get("log", {}), summary.get("samples", {})
    tiles = [("events kept", words.count(log.get("events"))), ("users", words.count(log.get("users")))]
    tiles += [
        ("items", words.count(log.get("items"))),
        ("training samples", words.count(samples.get("train"))),
    ]
    for measure in ("auc", "ndcg@10"):
        best = words.best_model(summary.get("models", {}), measure)
        if best:
            tiles.append((f"best {measure}: {best[0]}", words.figure(best[1].get("value"))))
    return {"findings": findings, "tiles": [tile for tile in tiles if tile[1] != words.NONE]}


def _arms(ident: str, arms: Mapping[str, Any], order: Sequence[str]) -> list[Part]:
    """One plot a measure over the arms of one experiment."""
    names = [arm for arm in order if arm in arms] + sorted(set(arms) - set(order))
    measures = words.ordered({m for arm in arms.values() for m in arm})
    figures = []
    for measure in [m for m in measures if m in words.PREFERRED] or measures[:2]:
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
        _, sentence = words.finding(model, entry)
        figures = _arms(f"plot-verdict-{model}", entry.get("test", {}), ARMS)
        groups.append({"name": model, "sentence": sentence, "figures": figures})
    subsample = facts.summary.get("subsample") or {}
    if subsample.get("test"):
        share = words.percent(subsample.get("fraction"))
        sentence = f"Trained on {share} of the samples: a uniform draw, a draw weighted by importance, and all."
        figures = _arms("plot-subsample", subsample["test"], ("all", "weighted", "uniform"))
        groups.append({"name": "A smaller training set", "sentence": sentence, "figures": figures})
    return {"groups": groups} if groups else None


def _curve(arms: Sequence[Mapping[str, Any]], measure: str) -> Markup:
    """Difference to keeping everything, over the share removed; one line for each way of choosing."""
    drawn = [arm for arm in arms if arm.get("removed_fraction") and measure in arm.get("difference", {})]
    fractions = sorted({arm["removed_fraction"] for arm in drawn})
    series = []
    for how in dict.fromkeys(str(arm.get("how")) for arm in drawn):
        own = sorted((a for a in drawn if str(a.get("how")) == how), key=lambda a: float(a["removed_fraction"]))
        points = [(fractions.index(arm["removed_fraction"]), *interval(arm["difference"][measure])) for arm in own]
        series.append(Series(how, points))
    if not series:
        return Markup("")
    return plots.curve(
        f"plot-curve-{measure}",
        [words.percent(f) for f in fractions],
        series,
        x_title="share of training samples removed",
        y_title=f"change of {measure} on tuning",
    )


def curve(facts: Facts) -> Part | None:
    """How tuning scores change with what is removed or re-weighted."""
    found = facts.json("selection/curve.json") or {}
    arms = found.get("arms", [])
    measures = words.ordered({m for arm in arms for m in arm.get("difference", {})})
    shown = [m for m in measures if m in words.PREFERRED] or measures[:2]
    if not shown:
        return None
    kept_all = [arm for arm in arms if not arm.get("removed_fraction") and arm.get("difference")]
    figures = []
    for measure in shown:
        others = [
            Row(str(arm.get("arm")), *scaled(arm["difference"][measure], 1.0), tone=f"s{n % 6}")
            for n, arm in enumerate(kept_all)
            if measure in arm["difference"]
        ]
        others = [line for line in others if line.value or line.low]  # "nothing" differs from itself by 0
        rows = plots.rows(f"plot-arms-{measure}", others, zero=True)
        figures.append({"name": measure, "meaning": words.meaning(measure), "plot": _curve(arms, measure) + rows})
    return {"figures": figures, "chosen": found.get("chosen"), "valuer": found.get("valuer")}


def rules(facts: Facts) -> Part | None:
    """Rules of a few words that describe low-valued samples."""
    lines = [
        {
            "rule": line.get("rule", ""),
            "rows": words.count(line.get("rows")),
            "share": words.percent(line.get("share")),
            "z": words.plain(line.get("z")),
            "confirmed": "yes" if line.get("confirmed") else "no",
            "advice": line.get("advice") or "",
        }
        for line in facts.json("selection/rules.json") or []
    ]
    return {"lines": lines} if lines else None
