"""Search: what the systems are worth on test searches, and how places of a list are looked at."""

from collections.abc import Mapping
from typing import Any

from assay.app import plots, words
from assay.app.plots import Row
from assay.app.sections.facts import Facts, Part, interval, scaled
from assay.evaluation.claims import DECIDES_RANKED


def search(facts: Facts) -> Part | None:
    """What `assay search` measured; None where it has not run."""
    found = facts.json("search/account.json")
    if found is None:
        return None
    systems, asked = found["systems"], found["requests"]
    best = max(systems, key=lambda name: systems[name]["test"][DECIDES_RANKED]["value"] or 0.0)
    top = words.estimate(*interval(systems[best]["test"][DECIDES_RANKED]))
    lead = (
        f"{words.count(asked['test'])} test searches, each over what words and vectors rank first among the items on sale, which "
        f"holds {words.percent(found['in_pool'])} of what was taken. Best by {DECIDES_RANKED}: {best}, "
        f"{top}. The rankers learnt from {words.count(asked['train'])} "
        f"earlier searches; {found['served']}, better on tuning, makes the lists of assay search."
    )
    findings = [("even", f"The queries are {found['queries_are']}.")] if found["derived"] else []
    if found["warning"] and not found["derived"]:
        findings.append(("even", f"Beware: {found['warning']}."))
    figures = []
    for measure in words.ordered(systems[best]["test"]):
        lines = [
            Row(name, *scaled(page["test"][measure], 1.0), tone="s1" if name == best else "s0") for name, page in systems.items()
        ]
        lines.sort(key=lambda row: (-row.value, row.label))
        plot = plots.rows(f"plot-search-{measure}", lines)
        figures.append({"name": measure, "meaning": words.meaning(measure), "plot": plot})
    return {"lead": lead, "findings": findings, "points": [], "figures": figures, "tables": [_against(systems)]}


def _against(systems: Mapping[str, Any]) -> Part:
    measures = words.ordered({measure for page in systems.values() for measure in page["against"]})
    rows = [
        [name, *(words.estimate(*interval(page["against"][measure]), sign=True) for measure in measures)]
        for name, page in systems.items()
        if page["against"]
    ]
    head = [("system", ""), *((measure, "n") for measure in measures)]
    return {"title": "Change from the fused list", "head": head, "rows": rows}


def position_bias(facts: Facts) -> Part | None:
    """How places are looked at, and what weights that undo it cost; None where nothing was learnt of it."""
    found = (facts.json("samples/account.json") or {}).get("position_bias", {})
    if "examination" not in found:
        return None
    lead = (
        f"How likely a place is looked at, against the first, by {found['method']} on the training searches. Training positives "
        f"weigh one over that, {words.plain(found['clip'])} at most ({words.count(found['clipped'])} are cut off there). So "
        f"weighed, {words.count(found['positives'])} positives tell as much as {words.count(found['effective_positives'])} of "
        "equal weight; what was not taken weighs the less the deeper it stood. Later splits keep weight 1: they are judged on "
        "what happened."
    )
    lines = [
        Row(f"place {place}", value, shown=words.figure(value), note=f"{words.count(rows)} rows", tone="useful")
        for place, (value, rows) in enumerate(zip(found["examination"], found["rows"], strict=True), 1)
    ]
    figure = {"name": "examination", "plot": plots.rows("plot-examination", lines[:20], stem=True)}
    return {"lead": lead, "findings": [], "points": [], "figures": [figure], "tables": []}
