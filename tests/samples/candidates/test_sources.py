"""Names of sources, and what is said of a name that is none, before any work."""

import pytest

from assay import front
from assay.config import SamplesSection
from assay.errors import ConfigError
from assay.samples.candidates import sources
from assay.samples.encoder import LOG_ENCODING
from tests.conftest import shop_config


def test_every_source_is_made_once_under_its_name():
    made = sources.make()
    assert tuple(made) == sources.NAMES
    assert [source.name for source in made.values()] == list(sources.NAMES)
    assert all(set(names) <= set(sources.NAMES) for names in (*sources.SCORED.values(), *sources.USUAL.values()))
    assert len(sources.NAMES) <= 15  # bits of an int16


def check(request="user", names=None, sizes=None, scores=None):
    sources.check(SamplesSection(request=request, candidate_sources=names, candidate_sizes=sizes or {}, candidate_scores=scores))


def test_names_and_sizes_are_checked():
    check()
    check(names=["own"])
    check(names=list(sources.NAMES), sizes={"own": 1, "popular": 0})
    check("session", names=["own", "following"])
    with pytest.raises(ConfigError, match=r"\[samples\] candidate_sizes: unknown source 'populr'.*popular.*known: own"):
        check(sizes={"own": 1, "populr": 3})
    with pytest.raises(ConfigError, match=r"\[samples\] candidate_sizes are all 0"):
        check(sizes={"own": 0})
    with pytest.raises(ConfigError, match=r"candidate_sources: unknown source 'mine'"):
        check(names=["own", "mine"])
    with pytest.raises(ConfigError, match=r"candidate_scores: unknown source 'easy'.*'ease'"):
        check(scores=["easy"])


def test_scores_of_any_source_may_be_features():
    assert sources.scored(SamplesSection()) == ("category", "user_knn")
    assert sources.scored(SamplesSection(candidate_scores=["tifu_knn", "ease"])) == ("ease", "tifu_knn")
    assert sources.scored(SamplesSection(candidate_scores=[])) == ()
    assert {f"score_{name}" for name in sources.NAMES} <= set(LOG_ENCODING.binned)


@pytest.mark.parametrize("name", ["user_knn", "tifu_knn"])
def test_steps_of_sessions_have_no_sources_that_go_by_users(name):
    with pytest.raises(ConfigError, match=rf"candidate_sources: '{name}' goes by users, .* take own, popular"):
        check("session", names=["own", name])
    with pytest.raises(ConfigError, match=rf"candidate_sizes: '{name}' goes by users"):
        check("session", sizes={name: 3})


def test_a_run_says_so_before_any_stage_works(shop, tmp_path):
    config = shop_config(shop, samples={"candidate_sizes": {"owner": 3}})
    with pytest.raises(ConfigError, match="unknown source 'owner'"):
        front.execute(config, tmp_path / "run")
    assert not list((tmp_path / "run").glob("clean/*"))
