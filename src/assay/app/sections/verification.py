"""Whether the values are true: verdicts, curves by retraining, planted noise, agreement, transfer."""

from collections.abc import Mapping
from typing import Any

from assay.app import plots, words
from assay.app.plots import Row, Series
from assay.app.sections.facts import Facts, Part, interval, scaled
from assay.evaluation.claims import CLAIMS


def verification(facts: Facts) -> Part | None:
    """What `assay verify` found; None where it has not run."""
    verdicts, curves = facts.json("verify/verdict.json") or [], facts.json("verify/curves.json") or []
    if not verdicts:
        return None
    lead = verdicts[0]
    figures = [*_curves(curves, "removal"), *_curves(curves, "addition")]
    return {
        "sentence": lead["sentence"],
        "tone": "good" if lead["better"] and not lead["worse"] else "even" if lead["usable"] else "bad",
        "others": [line["sentence"] for line in verdicts[1:]],
        "figures": figures + _agreement(facts) + _noise(facts),
        "transfer": _transfer(facts),
        "measures": CLAIMS,
    }


def _curves(lines: list[Mapping[str, Any]], kind: str) -> list[Part]:
    """log_loss against keeping everything, one line per order."""
    own = [line for line in lines if line["kind"] == kind and "log_loss" in line["difference"]]
    fractions = sorted({line["fraction"] for line in own})
    series = []
    for valuer in dict.fromkeys(line["valuer"] for line in own):
        mine = sorted((line for line in own if line["valuer"] == valuer), key=lambda line: float(line["fraction"]))
        points = [(fractions.index(line["fraction"]), *interval(line["difference"]["log_loss"])) for line in mine]
        series.append(Series(words.valuer(valuer), points))
    if not series:
        return []
    shown = "removed, worst first" if kind == "removal" else "kept, best first"
    plot = plots.curve(
        f"plot-verify-{kind}", [words.percent(fraction) for fraction in fractions], series,
        x_title=f"share of training samples {shown}", y_title="change of log_loss on tuning, against all samples",
    )  # fmt: skip
    return [{"name": f"Samples {shown}", "meaning": "lower is better; retrained at every point", "plot": plot}]


def _agreement(facts: Facts) -> list[Part]:
    found = facts.json("verify/agreement.json") or {}
    lines = [
        Row(name, *scaled(entry, 1.0), note=f"{measure} of {entry['model']}, {entry['subsets']} subsets")
        for page, measure in words.AGREEMENT.items()
        for name, entry in sorted(found.get(page, {}).items())
        if words.known(entry.get("value"))
    ]
    names = {"seeds": "values from other seeds", "folds": "values from other folds", "lowest": "lowest 2 % shared between seeds"}
    stable = found.get("stability", {})
    lines += [Row(text, *scaled(stable[name], 1.0), tone="ink") for name, text in names.items() if name in stable]
    meaning = f"rank correlation of summed values and retraining on random subsets of {words.percent(found.get('share'))}, 1 best"
    return _figure("agreement", "Agreement", meaning, lines)


def _noise(facts: Facts) -> list[Part]:
    lines = [
        Row(
            f"{line['noise']}, {line['valuer']}", *scaled(line["precision"], 1.0),
            note=f"auc {words.figure(line['auc']['value'])}, chance {words.percent(line['chance'])}",
        )
        for line in facts.json("verify/noise.json") or []
    ]  # fmt: skip
    meaning = "share of planted rows among as many rows of lowest value; finding noise is not yet a gain"
    return _figure("noise", "Planted noise", meaning, lines)


def _transfer(facts: Facts) -> list[Part]:
    """Cost beside gain, a line per model and order."""
    return [
        {
            "model": line["model"],
            "valuer": words.valuer(line["valuer"]),
            "made_with": line.get("made_with", ""),
            "seconds": words.duration(line.get("seconds")),
            "fraction": words.percent(line["fraction"]),
            "cells": words.changes(line["difference"]),
            "against": words.changes(line.get("against_random", {})),
        }
        for line in facts.json("verify/transfer.json") or []
    ]


def _figure(ident: str, name: str, meaning: str, lines: list[Row]) -> list[Part]:
    plot = plots.rows(f"plot-verify-{ident}", lines, zero=True)
    return [{"name": name, "meaning": meaning, "plot": plot}] if lines else []
