"""Users and samples that are not what they seem."""

from assay.app import words
from assay.app.sections.facts import Facts
from assay.language import say
from assay.language.retelling import retell
from assay.pages.selection import Anomalies
from assay.runs.section import Bullet, Column, Listing, Section, Table

_SHOWN = 5


def anomalies(facts: Facts) -> Section | None:
    """What `assay anomalies` found; None where it has not run."""
    page = facts.page(Anomalies)
    if page is None:
        return None
    users = [
        (facts.shown(line.user_id), retell(line.trait), words.count(line.samples))
        for line in page.users.first[:_SHOWN]
        if line.flagged
    ]
    samples = [
        Bullet(f"{retell(line.sentence)} ({facts.mark(line.user, line.period)})")
        for line in page.samples.first[:_SHOWN]
        if page.samples.flagged
    ]
    harmless = not page.users.flagged and not page.samples.flagged
    columns = [Column(say("user")), Column(say("why")), Column(say("samples"), number=True)]
    return Section(
        "" if harmless else say("Look at them, and try before you drop: being found is not yet a gain."),
        bold=words.anomalies(page, users=facts.has_users),
        tables=[Table(columns, users)] if users else [],
        lists=[Listing(samples, ordered=False)] if samples else [],
    )
