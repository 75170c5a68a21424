"""The report: one self-contained page, made from a run's artefacts alone."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from assay import __version__
from assay.app import words
from assay.app.safe import plain_text
from assay.app.sections import accounts, anomalies, importance, models, search, selection, trust, verification
from assay.app.sections.facts import Facts, Part
from assay.finished import Finished
from assay.runs.store import write_text

PARTS = (
    ("headline", "What Assay found", selection.headline),
    ("verdict", "Does it help?", selection.verdict),
    ("curve", "How much to take out", selection.curve),
    ("slices", "Harmful slices", selection.slices),
    ("weights", "Learnt weights", selection.weights),
    ("anomalies", "Robots and wrong labels", anomalies.anomalies),
    ("verification", "Are the values true?", verification.verification),
    ("trust", "Can this test be trusted?", trust.trusted),
    ("small", "How small could it be?", trust.small),
    ("protocols", "Other ways to cut the log", trust.protocols),
    ("study", "The long comparison", selection.study),
    ("rules", "Rules that describe low values", selection.rules),
    ("importance", "What samples are worth", importance.importance),
    ("rollups", "Who and what carries the value", importance.rollups),
    ("patterns", "Patterns", importance.patterns),
    ("examples", "Single samples", importance.examples),
    ("models", "Models", models.models),
    ("segments", "Groups of the test", models.groups),
    ("calibration", "Calibration", models.calibration),
    ("search", "Search", search.search),
    ("positions", "Places of a list", search.position_bias),
    ("recommendations", "Recommendations", models.recommendations),
    ("log", "The log and its cleaning", accounts.log),
    ("samples", "Samples", accounts.samples),
    ("costs", "Costs", accounts.costs),
)


def write(run: Finished) -> Path:
    """Write report.html in the run's folder and return its path.

    The same artefacts give the same bytes. What an absent artefact would have shown is left out.
    """
    config = run.config
    facts = Facts(run, hash_ids=config.show.hash_ids)
    parts = [(name, title, part) for name, title, make in PARTS if (part := make(facts)) is not None]
    path = run.folder / "report.html"
    write_text(path, page(config.show.title, parts, config.seed))
    return path


def page(title: str, parts: Sequence[tuple[str, str, Part]], seed: int | None = None) -> str:
    """A self-contained page of parts: (name, heading, what its template shows)."""
    environment = Environment(
        loader=PackageLoader("assay.app", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": words.count}
    text = environment.get_template("report.html.j2").render(title=title, version=__version__, seed=seed, parts=parts)
    return plain_text(text)
