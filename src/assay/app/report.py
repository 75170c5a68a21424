"""The report: one self-contained page, made from a run's artefacts alone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from assay import __version__, stages
from assay.app import plots
from assay.app.safe import plain_text
from assay.app.sections import (
    accounts,
    anomalies,
    beyond_accuracy,
    gaps,
    importance,
    models,
    search,
    selection,
    study,
    targets,
    trust,
    verification,
)
from assay.app.sections.facts import Facts
from assay.app.templating import marked
from assay.finished import Finished
from assay.language import later, say, speaking, spoken
from assay.language.retelling import retell
from assay.runs.pages import Page
from assay.runs.section import Section
from assay.runs.store import write_text


class Chapter(NamedTuple):
    """A section of the report: its id and heading, what makes it, and the stage beside the run whose command shows it too."""

    name: str
    heading: str
    make: Callable[[Facts], Section | None]
    stage: str = ""


_CLOSING = ("log", "samples", "costs")  # how the run was made closes the report
PARTS = (
    Chapter("headline", later("What Assay found"), selection.headline),
    Chapter("verdict", later("Does it help?"), selection.verdict),
    Chapter("curve", later("How much to take out"), selection.curve),
    Chapter("gaps", later("Gaps between groups of people"), gaps.gaps),
    Chapter("slices", later("Harmful slices"), selection.slices, "slices"),
    Chapter("weights", later("Learnt weights"), selection.weights, "weights"),
    Chapter("anomalies", later("Robots and wrong labels"), anomalies.anomalies, "anomalies"),
    Chapter("verification", later("Are the values true?"), verification.verification, "verify"),
    Chapter("trust", later("Can this test be trusted?"), trust.trusted),
    Chapter("small", later("How small could it be?"), trust.small),
    Chapter("protocols", later("Other ways to cut the log"), trust.protocols, "protocols"),
    Chapter("study", later("The long comparison"), study.study, "study"),
    Chapter("rules", later("Rules that describe low values"), selection.rules),
    Chapter("importance", later("What samples are worth"), importance.importance),
    Chapter("rollups", later("Who and what carries the value"), importance.rollups),
    Chapter("patterns", later("Patterns"), importance.patterns),
    Chapter("examples", later("Single samples"), importance.examples),
    Chapter("models", later("Models"), models.models),
    Chapter("targets", later("Targets side by side"), targets.targets),
    Chapter("beyond", later("Beyond accuracy"), beyond_accuracy.of_run),
    Chapter("segments", later("Groups of the test"), models.groups),
    Chapter("calibration", later("Calibration"), models.calibration),
    Chapter("search", later("Search"), search.search, "search"),
    Chapter("positions", later("Places of a list"), search.position_bias),
    Chapter("recommendations", later("Recommendations"), models.recommendations),
    Chapter("log", later("The log and its cleaning"), accounts.log),
    Chapter("samples", later("Samples"), accounts.samples),
    Chapter("costs", later("Costs"), accounts.costs),
)


def sections(run: Finished) -> list[tuple[str, str, Section]]:
    """(id, heading, section) of all that the run has, in the order of the report; pages that show themselves come last."""
    facts = Facts(run)
    shown = [(part.name, say(part.heading), section) for part in PARTS if (section := part.make(facts)) is not None]
    own = [(name, retell(stages.words(name)), section) for name in run.stages for section in _own(run, name)]
    first, last = ([part for part in shown if (part[0] in _CLOSING) == closing] for closing in (False, True))
    return [*first, *own, *last]


def sections_of(run: Finished, stage: str) -> list[Section]:
    """What the report shows of one stage."""
    facts = Facts(run)
    shown = [section for part in PARTS if part.stage == stage and (section := part.make(facts)) is not None]
    return [*shown, *_own(run, stage)]


def _own(run: Finished, stage: str) -> list[Section]:
    """Sections of a stage's pages that show themselves."""
    declared = stages.graph().stages.get(stage)
    kinds = [] if declared is None else [page for page in declared.pages if page.section is not Page.section]
    pages = [page.read(run) for page in kinds if run.exists(page.path)]
    return [section for page in pages if (section := page.section()) is not None]


def write(run: Finished) -> Path:
    """Write report.html in the run's folder and return its path.

    The same artefacts give the same bytes. What an absent artefact would have shown is left out.
    """
    config = run.config
    path = run.folder / "report.html"
    with speaking(config.show.language):
        text = page(config.show.title, sections(run), config.seed, config.show.about)
    write_text(path, text)
    return path


def page(
    title: str,
    parts: Sequence[tuple[str, str, Section]],
    seed: int | None = None,
    about: str = "",
    template: str = "report.html.j2",
    **more: Markup,
) -> str:
    """A self-contained page of parts: (name, heading, section).

    about: a sentence or two under the title. template: one that extends the report's, with more to fill in.
    """
    environment = Environment(
        loader=PackageLoader("assay.app", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"draw": plots.draw}
    environment.globals |= {"say": marked}
    text = environment.get_template(template).render(
        title=title, about=about, version=__version__, seed=seed, parts=parts, language=spoken(), **more
    )
    return plain_text(text)
