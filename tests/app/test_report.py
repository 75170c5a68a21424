"""The page: self-contained, the same bytes twice, safe against what data holds."""

import re
import shutil

import pytest

from assay.app import report, terminal
from assay.app.sections import beyond_accuracy
from assay.app.sections.facts import Facts
from assay.app.sections.selection import _explained
from assay.config import parse
from assay.finished import Finished
from assay.pages.evaluation import Leaks
from assay.pages.parts import Change
from assay.pages.selection import Explained
from assay.runs.store import write_json
from assay.serving import stored
from tests.app.conftest import HOSTILE, NAMES, listed


def page(run: Finished, **show) -> str:
    run = Finished(run.folder)
    run.config = run.config.model_copy(update={"show": run.config.show.model_copy(update=show)})
    return report.write(run).read_text(encoding="utf-8")


def test_it_needs_no_network_and_no_script(run):
    text = page(run)
    assert "<script" not in text.replace("&lt;script", "")
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#|data:)""", text)
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_the_same_artefacts_give_the_same_bytes(run):
    assert page(run) == page(run)


def test_what_values_are_worth_to_other_models_is_a_table_of_the_terminal(run, capsys):
    for section in report.sections_of(run, "verify"):
        terminal.show_section(section)
    out = capsys.readouterr().out.splitlines()
    head = next(k for k, line in enumerate(out) if line.startswith("values") and "lightgbm" in line)
    assert out[head].split() == ["values", "lightgbm"]
    assert out[head + 1].split() == ["influence", "−0.0020"]
    assert out[head + 2].split() == ["logistic,", "12.5", "s", "better"]
    assert all(len(line) <= 80 for line in out)


def test_names_of_every_script_are_shown_and_markup_is_text(run):
    text = page(run)
    for name in NAMES:
        assert (name if name != HOSTILE else "&lt;script&gt;alert") in text
    assert HOSTILE not in text
    assert 'dir="auto"' in text


def test_what_the_data_is_stands_under_the_title_as_text(run):
    assert '<p class="about" dir="auto">&lt;b&gt;made&lt;/b&gt; 数据</p>' in page(run, about="<b>made</b> 数据")
    assert 'class="about"' not in page(run)


def test_every_part_has_its_heading_and_its_link(run):
    text = page(run)
    for part in report.PARTS:
        assert f'<section id="{part.name}">' in text, part.name
        assert f'<a href="#{part.name}">{part.heading}</a>' in text


@pytest.mark.parametrize("gone", ["importance", "selection", "evaluation", "clean", "recommendations.parquet", "cost.json"])
def test_what_is_not_there_is_left_out(gone, run):
    path = run.folder / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    text = page(listed(run.folder))
    assert text.count("<section") >= 6
    assert text.count("<section") < len(report.PARTS)


def test_a_run_without_anything_says_so(tmp_path):
    config = parse({"table": {"path": "x.parquet", "label": "y"}})
    write_json(tmp_path / "config.json", config.model_dump(mode="json", exclude_none=True))
    text = report.write(Finished(tmp_path)).read_text(encoding="utf-8")
    assert "No stage of this run has finished yet." in text


def test_with_hashed_ids_no_id_of_the_log_is_on_the_page(run):
    plain, hashed = page(run), page(run, hash_ids=True)
    assert 'user <bdi dir="auto">718</bdi>' in plain
    assert not re.search(r"<bdi[^>]*>718</bdi>", hashed)
    assert Facts(run, hash_ids=True).shown(718) in hashed
    config = run.config
    config = config.model_copy(update={"show": config.show.model_copy(update={"hash_ids": True})})
    run.config = config
    answer = stored.recommendations(run, Facts(run, hash_ids=True).shown(3))
    assert answer.known
    assert len(answer.recommendations) == 10
    assert all(len(item.item_id) == 12 for item in answer.recommendations)


def test_bands_and_hours_stand_in_their_order(run):
    text = page(run)
    shown = [text.index(f">{name}<") for name in ("at most 99.5", "99.5 to 250", "250 to 1000", "above 1000")]
    assert shown == sorted(shown)
    hours = [text.index(f">{k} to {k + 3}<") for k in range(0, 24, 3)]
    assert hours == sorted(hours)


def test_leaks_and_how_often_test_was_asked_are_said(run):
    text = page(run)
    assert "The test set was read 17 times, once per model and change" in text
    assert "alone tells the label. Leave it out." in text
    write_json(run.folder / Leaks.path, Leaks(lines=[]).content())
    assert "No leaks were found" in page(listed(run.folder))


def test_a_rule_is_a_finding_only_when_its_trial_helps(run):
    text = page(run)
    assert "Advice: drop, or repair at the source" in text
    assert text.count("A slice of the log costs more than it gives") == 1
    assert "leave as it is: not confirmed" in text
    assert "the values tell more than the rule" in text


def test_what_was_learnt_of_groups_is_told_whether_it_moved_or_not(run):
    text = page(run)
    assert "weights of whole groups, learnt on validation" in text
    assert "0.34 to 2.73" in text
    assert "−0.0001, −0.00005, −0.00002" in text
    assert "no step lowered it in every one" in text
    assert "had one purchase in a hundred been written to another sample" in text


@pytest.mark.parametrize("by_values", [True, False])
def test_only_an_arm_by_values_is_said_to_be_by_values(by_values):
    worse = Change(value=-0.01, low=-0.02, high=-0.005)
    explained = {"rule": "category is tea", "rows": 10, "covers": 1.0, "precision": 1.0, "factor": 0.5, "difference": {}}
    sentence = _explained(Explained(**explained, against_chosen={"auc": worse}), by_values=by_values)
    assert "does worse on tuning (auc)" in sentence
    assert ("values" in sentence) is by_values
    alike = _explained(Explained(**explained, against_chosen={}), by_values=by_values)
    assert ("mend these rows at their source" in alike) is by_values


def test_where_the_log_has_categories_it_is_said_that_lists_are_told_apart_by_them(run):
    assert "of one category" in beyond_accuracy.of_run(Facts(run)).lead
