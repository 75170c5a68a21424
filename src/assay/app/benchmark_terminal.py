"""What `assay benchmark` prints: short tables and sentences, at most 80 columns."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.app import card, words
from assay.app.sections import beyond_accuracy, trust
from assay.app.terminal import print_lines, print_table, show_section
from assay.benchmark.board.measures import MeasureChoice
from assay.benchmark.board.off_policy import PolicyValue
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.compact.estimation import Estimated, Guess
from assay.benchmark.compact.families import LeftOut
from assay.benchmark.keep.folder import Kept
from assay.benchmark.keep.renewal import MOVED, Status
from assay.numerics.names import is_beyond
from assay.pages.trust import Audit, Leader

_PAIRS_SHOWN = 20


def show_card(kept: Kept, page: Path) -> None:
    """The card's sentences, and where it is."""
    lines = [("benchmark", kept.label, "bold"), *(("", sentence, "") for sentence in card.sentences(kept))]
    for line in kept.card.distances:
        if line.distance > MOVED:
            lines.append(("unlike", f"{line.attribute}: {words.percent(line.distance)} from the traffic", "yellow"))
    print_lines([*lines, ("card", str(page), "bold")])


def show_audit(page: Audit, shown: Callable[[object], str] = str) -> None:
    """Findings with examples, what was looked at, figures. shown: how an id may be shown."""
    lines = [("", sentence, {"bad": "yellow", "good": "green"}.get(tone, "dim")) for tone, sentence in trust.findings(page)]
    for finding in page.findings:
        for example in finding.examples:
            parts = [f"{name} {shown(value) if name.endswith('_id') else value}" for name, value in example.items()]
            lines.append((finding.check.replace("_", " "), ", ".join(parts), "dim"))
    for name, value in page.facts.items():
        if words.known(value):
            lines.append((name.replace("_", " "), words.count(value) if isinstance(value, int) else words.figure(value), ""))
    print_lines(lines)


def show_measures(choice: MeasureChoice) -> None:
    """How each measure tells systems apart, and the advice."""
    rows = [
        [
            line["measure"], words.percent(line["power"]), words.count(line["requests_needed"]), words.figure(line["stability"]),
            words.figure(line["regret"]),
        ]
        for line in choice.table.to_pylist()
    ]  # fmt: skip
    print_table(["measure", "pairs told apart", "requests needed", "stability", "regret"], rows, text=1)
    lines = [("decide on", choice.decide, "bold"), ("report", ", ".join(choice.report), "bold")]
    print_lines([*lines, *(("", reason, "") for reason in choice.reasons)])


def show_comparison(
    board: Scoreboard,
    leaders: Mapping[str, Sequence[Leader]],
    beyond: Mapping[str, Sequence[Mapping[str, Any]]],
    pairs: Sequence[Mapping[str, Any]],
) -> None:
    """The leader board of each measure of accuracy, a table of those beyond it, then the first pairs."""
    print_lines([("on", board.benchmark or "no kept benchmark", ""), ("requests", words.count(len(board.request)), "")])
    for measure, board_lines in leaders.items():
        rows = [
            [leader.system, leader.family, str(leader.tier), words.estimate(leader.value, leader.low, leader.high)]
            for leader in board_lines
        ]
        print_table([measure, "family", "tier", "value"], rows, text=2)
    if beyond:
        show_section(beyond_accuracy.of_board(beyond))
    shown = sorted(pairs, key=lambda line: (line["p_holm"] is None, line["p_holm"]))[:_PAIRS_SHOWN]
    several = len(leaders) + len(beyond) > 1 or "group" in pairs[0]
    rows = []
    for line in shown:
        kind = f", {line['measure']}" + (f" of {line['group']}" if "group" in line else "") if several else ""
        difference = words.estimate(line["difference"], line["low"], line["high"], sign=True)
        rows.append([f"{line['b']} − {line['a']}{kind}", difference, words.figure(line["p_holm"])])
    print_table(["pair", "difference (95 %)", "p (Holm)"], rows, text=1)
    if len(pairs) > len(shown):
        print_lines([("", f"{len(pairs) - len(shown)} more pairs: --json shows them all", "dim")])


def show_policies(values: Sequence[tuple[str, PolicyValue]]) -> None:
    """What each policy would have earned, and what makes the figure doubtful."""
    rows = []
    for policy, one in values:
        value = words.estimate(one.value, one.low, one.high)
        rows.append([policy, one.estimator, value, words.count(one.effective_rows)])
    print_table(["policy", "estimator", "reward per row", "effective rows"], rows, text=2)
    doubts = dict.fromkeys((policy, one.warning, "yellow") for policy, one in values if one.warning)
    print_lines(list(doubts))


def show_trial(trial: Sequence[LeftOut]) -> None:
    """Each family left out: error against the plain mean's, coverage."""
    if not trial:
        return
    own = trial[-1]
    rows = [
        [name, words.figure(float(own.error[k])), f"{own.relative[k]:.2f}", words.percent(float(own.coverage[k])),
         words.figure(float(own.half_width[k])), words.figure(float(own.detectable[k]))]
        for k, name in enumerate(own.families)
    ]  # fmt: skip
    print_table([f"{own.leave} left out", "error", "of plain mean's", "coverage", "± 95 %", "detectable"], rows, text=1)
    print_lines([("tau", f"{own.tau:.3f} (plain mean {trial[0].tau:.3f}), {words.count(own.redraws)} redraws", "")])


def show_estimates(kept: Kept, systems: Mapping[str, Estimated | Guess]) -> None:
    """Value and intervals of each system, and warnings."""
    lines: list[tuple[str, str, str]] = [("on", kept.label, "")]
    for name, one in systems.items():
        low, high = (one.low, one.high) if isinstance(one, Estimated) else (None, None)
        value = words.estimate(one.value, low, high)
        lines.append((name, f"{kept.benchmark.measures[0]} {value} on all {words.count(kept.card.pool)} requests", "bold"))
        if isinstance(one, Estimated):
            wide = words.estimate(one.value, one.traffic_low, one.traffic_high)
            lines.append(("", f"{wide} for the traffic, users being chance too", ""))
        lines += [("", warning, "yellow") for warning in one.warnings]
    print_lines(lines)


def show_scores(kept: Kept, board: Scoreboard) -> None:
    """Means of each system."""
    accuracy = [name for name in board.measures if not is_beyond(name)]
    rows = [[name, *(words.figure(float(board.means(m)[s])) for m in accuracy)] for s, name in enumerate(board.systems)]
    print_table(["system", *accuracy], rows, text=1)
    if (section := card.beyond(board)) is not None:
        show_section(section)
    print_lines([("kept in", str(kept.folder / "results"), ""), ("next", f"assay benchmark compare {kept.folder}", "")])


def show_status(status: Status) -> None:
    """Uses, drift, advice."""
    uses = ", ".join(f"{what} {words.count(times)}" for what, times in sorted(status.uses.items())) or "none yet"
    lines = [("benchmark", status.label, "bold"), ("uses", uses, ""), ("systems", words.count(status.systems), "")]
    if status.last:
        lines.append(("last", status.last, ""))
    if status.flattered is not None:
        lines.append(
            ("by chance", f"the best of so many equal systems looks better by about {words.figure(status.flattered)}", "")
        )
    for line in status.drift or []:
        far = words.estimate(line["distance"], line["low"], line["high"])
        lines.append(("traffic", f"{line['attribute']}: distance {far}, p {words.figure(line['p_holm'])}", ""))
    advice = status.renew or (
        ("No reason to renew it" + ("." if status.drift is not None else "; give --traffic to compare with.")),
    )
    print_lines(
        [
            *lines,
            *(("renew" if status.renew else "advice", sentence, "yellow" if status.renew else "green") for sentence in advice),
        ]
    )
