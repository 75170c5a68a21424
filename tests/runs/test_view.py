"""A stage's view of the config: the declared keys, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config import Config, parse
from assay.errors import UndeclaredError
from assay.runs.view import values, view, without_passwords

CONFIG = parse({"table": {"path": "x", "label": "y"}, "select": {"floor": 0.25}, "seed": 3})
SECTIONS = ("samples", "models", "value", "select", "evaluate", "recommend", "show", "encode", "text", "clean")
KEYS = [f"{section}.{key}" for section in SECTIONS for key in type(getattr(CONFIG, section)).model_fields]


def read(config: Config, key: str) -> object:
    section, name = key.split(".")
    return getattr(getattr(config, section), name)


@given(declared=st.lists(st.sampled_from([*KEYS, *SECTIONS]), max_size=6))
def test_what_is_declared_is_there_and_nothing_else(declared):
    seen = view(CONFIG, declared)
    for key in KEYS:
        if key in declared or key.split(".")[0] in declared:
            assert read(seen, key) == read(CONFIG, key)
        else:
            with pytest.raises(UndeclaredError, match=f"{key.split('.')[0]}|{key.split('.')[1]}"):
                read(seen, key)


def test_the_config_itself_stays_whole():
    view(CONFIG, ["select.valuer"])
    assert CONFIG.select.floor == 0.25
    assert parse(CONFIG.model_dump(exclude_none=True)) == CONFIG


def test_another_name_is_no_key_at_all():
    with pytest.raises(AttributeError, match="no attribute 'flour'"):
        view(CONFIG, ["select"]).select.flour  # noqa: B018


def test_values_are_what_json_holds():
    assert values(CONFIG, ["select.floor", "seed", "log", "table.label"]) == {
        "select.floor": 0.25,
        "seed": 3,
        "log": None,
        "table.label": "y",
    }
    assert values(CONFIG, ["log.events"]) == {"log.events": None}  # of a section that is not there


def test_a_password_is_no_part_of_what_is_kept_or_compared():
    def of(url: str, password_env: str | None = None) -> Config:
        source = {"url": url, "table": "t", "event": "purchase", "columns": {"user_id": "u", "item_id": "i", "timestamp": "t"}}
        return parse({"log": {"events": [source | ({"password_env": password_env} if password_env else {})]}})

    plain = of("mysql://me@host/shop?charset=utf8mb4")
    secret = of("mysql://me:hunter2@host/shop?charset=utf8mb4")
    assert values(secret, ["log"]) == values(plain, ["log"])
    assert values(secret, ["log"]) != values(of("mysql://me@host/other?charset=utf8mb4"), ["log"])
    kept = without_passwords(secret.model_dump(mode="json", exclude_none=True))
    assert parse(kept) == plain
