"""What `assay benchmark gate` says: in the terminal, as JSON, as Markdown for a job's summary, as JUnit XML."""

import re
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from assay.app import words
from assay.app.safe import one_line
from assay.app.terminal import print_lines
from assay.benchmark.board.gate import Gate
from assay.errors import InputError
from assay.runs.store import whole_file, write_text

EXIT_CODES = {"pass": 0, "worse": 3, "undecided": 4}
_TITLES = {"pass": "Not worse", "worse": "Worse", "undecided": "Too few requests to tell"}
_TONES = {"pass": "bold green", "worse": "bold yellow", "undecided": "bold yellow"}
_FEW = 10  # requests on which the systems differ: with fewer, what hits few requests can hide
_NO_XML = re.compile("[\ufffe\uffff]")


@dataclass(frozen=True)
class Judgement:
    """A gate's result, and the benchmark's name or folder."""

    gate: Gate
    on: str

    @property
    def exit_code(self) -> int:
        """Of the command."""
        return EXIT_CODES[self.gate.verdict]

    @property
    def title(self) -> str:
        """The verdict in words."""
        one = self.gate
        enough = one.needed is not None and one.needed <= one.requests
        return "Too near the margin to tell" if one.verdict == "undecided" and enough else _TITLES[one.verdict]

    @property
    def difference(self) -> str:
        """The difference with its bounds."""
        one = self.gate
        return (
            f"{words.figure(one.difference, sign=True)} {one.measure} (one-sided 95 % bounds: {words.figure(one.low, sign=True)} "
            f"and {words.figure(one.high, sign=True)}); allowed: {words.minus(f'{-one.margin:g}')}"
        )

    @property
    def notes(self) -> list[str]:
        """What it would take, and what this test cannot see, in sentences."""
        one = self.gate
        notes = []
        if one.verdict == "undecided" and one.needed is not None:
            notes.append(
                f"At this spread, {words.count(one.needed)} requests let a system that is as good pass with 80 % power; "
                f"there are {words.count(one.requests)}."
            )
        if one.verdict == "pass" and one.differing < _FEW:
            notes.append(
                f"The systems score differently on {words.counted(one.differing, 'request')} alone: a loss that hits few "
                "requests can hide in a test of this size."
            )
        return notes

    def to_dict(self) -> dict[str, Any]:
        """The result, the benchmark and the exit code, as JSON takes them."""
        return {**asdict(self.gate), "benchmark": self.on, "exit_code": self.exit_code}


def show(judgement: Judgement) -> None:
    """Print the verdict and its figures."""
    one = judgement.gate
    print_lines(
        [
            ("gate", judgement.title, _TONES[one.verdict]),
            ("on", judgement.on, ""),
            (one.system, f"{words.figure(one.value)} {one.measure}", ""),
            (one.against, words.figure(one.reference), ""),
            ("difference", judgement.difference, ""),
            ("requests", f"{words.count(one.requests)} of {words.counted(one.users, 'user')}", ""),
            *(("", note, "yellow") for note in judgement.notes),
        ]
    )


def write_markdown(judgement: Judgement, path: Path) -> None:
    """Write the verdict as Markdown; names stand in code spans, where nothing is obeyed."""
    one = judgement.gate
    lines = [
        f"### {judgement.title}: {_code(one.system)} against {_code(one.against)}",
        "",
        f"- difference: {judgement.difference}",
        f"- means: {words.figure(one.value)} and {words.figure(one.reference)}",
        f"- requests: {words.count(one.requests)} of {words.counted(one.users, 'user')}",
        f"- benchmark: {_code(judgement.on)}",
        *(f"- {note}" for note in judgement.notes),
    ]
    write_text(path, "\n".join(lines) + "\n")


def write_junit(judgement: Judgement, path: Path) -> None:
    """Write the verdict as JUnit XML of one test: worse is a failure, too few requests an error."""
    one, junit = judgement.gate, junitparser()
    case = junit.TestCase(_xml(f"{one.system} against {one.against}, {one.measure}"), classname=_xml(judgement.on))
    told = _xml(" ".join([f"{judgement.difference}.", *judgement.notes]))
    case.system_out = told
    if one.verdict == "worse":
        case.result = [junit.Failure(told, one.verdict)]
    if one.verdict == "undecided":
        case.result = [junit.Error(told, one.verdict)]
    suite = junit.TestSuite("assay benchmark gate")
    suite.add_testcase(case)
    file = junit.JUnitXml()
    file.add_testsuite(suite)
    with whole_file(path) as partial:
        file.write(str(partial))


def junitparser() -> Any:
    """The package that writes JUnit XML; InputError with the line that installs it."""
    try:
        return import_module("junitparser")
    except ImportError:
        raise InputError("--junit needs the package junitparser; run: pip install 'assay[gate]'") from None


def _code(name: str) -> str:
    """A name as a code span, fenced by more backticks than it holds in a row."""
    text = one_line(name)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def _xml(text: str) -> str:
    """Text without characters that XML has not."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", one_line(text))
