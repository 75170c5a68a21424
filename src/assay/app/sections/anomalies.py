"""Users and samples that are not what they seem."""

from assay.app import words
from assay.app.sections.facts import Facts, Part

_SHOWN = 5


def anomalies(facts: Facts) -> Part | None:
    """What `assay anomalies` found; None where it has not run."""
    found = facts.json("anomalies/found.json")
    if found is None:
        return None
    users, samples = found["users"], found["samples"]
    return {
        "users": words.flagged(users, "user behaves like a robot", "users behave like robots"),
        "samples": words.flagged(samples, "label is doubtful", "labels are doubtful"),
        "harmless": not users["flagged"] and not samples["flagged"],
        "first_users": [
            {"user": facts.shown(line["user_id"]), "trait": line["trait"], "rows": words.count(line["samples"])}
            for line in users["first"][:_SHOWN]
            if line["flagged"]
        ],
        "first_samples": [
            {"sentence": line["sentence"], "user": facts.shown(line["user"]), "week": line["week"]}
            for line in samples["first"][:_SHOWN]
            if samples["flagged"]
        ],
    }
