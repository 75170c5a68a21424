"""Names of sources, and what is said of a name that is none, before any work."""

import pytest

from assay import front
from assay.errors import ConfigError
from assay.samples.candidates import sources
from tests.conftest import shop_config


def test_every_source_is_made_once_under_its_name():
    made = sources.make()
    assert tuple(made) == sources.NAMES
    assert [source.name for source in made.values()] == list(sources.NAMES)
    assert set(sources.SCORED) <= set(sources.NAMES)
    assert len(sources.NAMES) <= 15  # bits of an int16


def test_names_and_sizes_are_checked():
    sources.check(["own"], {})
    sources.check(sources.NAMES, {"own": 1, "popular": 0})
    with pytest.raises(ConfigError, match=r"\[samples\] candidate_sizes: unknown source 'populr'.*popular.*known: own"):
        sources.check([], {"own": 1, "populr": 3})
    with pytest.raises(ConfigError, match=r"\[samples\] candidate_sizes are all 0"):
        sources.check([], {"own": 0})
    with pytest.raises(ConfigError, match=r"candidate_sources: unknown source 'mine'"):
        sources.check(["own", "mine"], {})


def test_a_run_says_so_before_any_stage_works(shop, tmp_path):
    config = shop_config(shop, samples={"candidate_sizes": {"owner": 3}})
    with pytest.raises(ConfigError, match="unknown source 'owner'"):
        front.execute(config, tmp_path / "run")
    assert not list((tmp_path / "run").glob("clean/*"))
