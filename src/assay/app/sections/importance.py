"""What samples are worth: distribution, roll-ups, patterns, single samples."""

from assay.app import plots, words
from assay.app.plots import Row
from assay.app.sections.facts import Facts, Part, scaled, tone

EXAMPLES_SHOWN = 10
UNITS = {
    "user": "Users",
    "item": "Items",
    "category": "Categories",
    "department": "Departments",
    "week": "Weeks",
    "hour": "Hours of the day",
    "item_price": "Price bands",
    "peak": "Busy and other periods",
}


def importance(facts: Facts) -> Part | None:
    """The distribution of the values of each valuer."""
    figures = []
    for name, entry in sorted((facts.json("importance/distribution.json") or {}).items()):
        factor, size = words.unit(entry.get("edges", []))
        figures.append(
            {
                "name": name,
                "lead": f"{words.percent(entry.get('negative_share'))} of training samples have a value below 0.",
                "plot": plots.histogram(
                    f"plot-distribution-{name}",
                    entry.get("edges", []),
                    entry.get("counts", []),
                    x_title=f"value, {size}{entry.get('unit', '')}",
                    factor=factor,
                ),
            }
        )
    return {"figures": figures} if figures else None


def rollups(facts: Facts) -> Part | None:
    """Values added up by user, item, category and week: most useful and most harmful."""
    found = facts.json("importance/rollup.json") or {}
    figures = []
    for key in [unit for unit in UNITS if found.get(unit)]:
        lines = found[key]
        names = facts.item_names(line.get("name") for line in lines) if key == "item" else {}
        factor, size = words.unit(line.get("value") for line in lines)
        drawn = []
        for line in lines:
            value, low, high = scaled(line, factor)
            name = names.get(str(line.get("name")), str(line.get("name")))
            label = facts.shown(name) if key == "user" else name
            shown = words.plain(value)
            drawn.append(Row(label, value, low, high, shown, f"{words.count(line.get('rows'))} rows", tone(value)))
        plot = plots.rows(f"plot-rollup-{key}", drawn, stem=True, zero=True)
        figures.append({"name": UNITS[key], "plot": plot, "lead": f"In {size}the utility." if size else ""})
    return {"figures": figures} if figures else None


def patterns(facts: Facts) -> Part | None:
    """Segments, hours, price bands that carry or cost the most, in plain words."""
    found = [line for line in facts.json("importance/patterns.json") or [] if words.known(line.get("value"))]
    if not found:
        return None
    factor, size = words.unit(line.get("value") for line in found)
    drawn = []
    for line in found:
        value, low, high = scaled(line, factor)
        note = f"{words.count(line.get('rows'))} rows, {words.percent(line.get('share'))}"
        label = line.get("sentence") or f"{line.get('attribute')}: {line.get('level')}"
        drawn.append(Row(label, value, low, high, words.plain(value), note, tone(value)))
    return {"plot": plots.rows("plot-patterns", drawn, stem=True, zero=True), "unit": size}


def examples(facts: Facts) -> Part | None:
    """The most useful and the most harmful samples, in readable words."""
    found = facts.json("importance/examples.json") or {}
    lists = []
    for key, title in (("useful", "Most useful"), ("harmful", "Most harmful")):
        lines = [
            {
                "sentence": line.get("sentence", ""),
                "user": facts.shown(line.get("user")),
                "item": facts.shown(line.get("item")),
                "week": line.get("week"),
                "value": words.plain(line.get("value")),
                "z": words.plain(line.get("z")),
                "why": _why(facts, line.get("why")),
            }
            for line in found.get(key, [])[:EXAMPLES_SHOWN]
        ]
        if lines:
            lists.append({"title": title, "tone": key, "lines": lines})
    return {"lists": lists} if lists else None


def _why(facts: Facts, found: Part | None) -> str:
    """Which of the sample's columns make its value, and whom it helped and hurt most."""
    if not found:
        return ""
    columns = ", ".join(f"{line['column']} {words.plain(line['part'])}" for line in found["columns"][:3])
    people = [
        f"{name} most: user {facts.shown(found[key][0]['user'])}, week {found[key][0]['week']}"
        for name, key in (("helped", "helped"), ("hurt", "hurt"))
        if found[key]
    ]
    return "; ".join([f"by column: {columns}", *people])
