"""A run whose config says Chinese: its report and its tables are in Chinese; what machines read is not."""

import json
import re

import pytest

from assay.app import cli, report
from assay.finished import Finished

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = "feature &lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; alone tells the label. Leave it out."  # of no catalogue


@pytest.fixture
def chinese(run: Finished) -> Finished:
    place = run.folder / "config.json"
    config = json.loads(place.read_text())
    place.write_text(json.dumps(config | {"show": {**config["show"], "language": "zh"}}))
    return Finished(run.folder)


def test_the_report_is_in_chinese(chinese):
    text = report.write(chinese).read_text("utf-8")
    assert '<html lang="zh">' in text
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert len(headings) > 20
    assert not [heading for heading in headings if not CHINESE.search(heading)]
    leads = re.findall(r'<p class="(?:lead|finding \w+)" dir="auto">(.*?)</p>', text)
    assert {lead for lead in leads if not CHINESE.search(lead)} <= {ENGLISH}


def test_the_terminal_is_in_chinese_and_json_is_not(chinese, capsys):
    assert cli.main(["show", str(chinese.folder)]) == 0
    shown = capsys.readouterr().out
    assert "读取" in shown
    assert "1,469,307 个事件" in shown
    assert "events" not in shown
    assert cli.main(["user", str(chinese.folder), "1"]) == 0
    assert "物品" in capsys.readouterr().out
    assert cli.main(["show", str(chinese.folder), "--json"]) == 0
    assert not CHINESE.search(json.dumps(json.loads(capsys.readouterr().out)["summary"], ensure_ascii=False))


def test_what_is_said_after_it_is_english_again(chinese):
    report.write(chinese)
    headings = [heading for _, heading, _ in report.sections(chinese)]
    assert "What Assay found" in headings


def test_a_language_that_is_not_there_is_an_error_of_the_config(tmp_path, capsys):
    (tmp_path / "shop.toml").write_text('[log]\nevents = [{path = "x.csv", columns = {}}]\n[show]\nlanguage = "zhh"\n')
    assert cli.main(["run", str(tmp_path / "shop.toml")]) == 2
    assert (
        "show.language: Value error, no language is called 'zhh'; did you mean 'zh'?; there are en, zh" in capsys.readouterr().err
    )
