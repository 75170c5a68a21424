import json
from datetime import datetime

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import config
from assay.config import OwnTable, SamplesSection
from assay.errors import AssayError, ConfigError, SourceError
from assay.logs.suggest import suggest
from assay.samples import own_rows
from assay.samples.own_table import TableRequests, read
from assay.task import BINARY

ROWS = 40
GOOD = {
    "row": [f"订单-{k}" for k in range(ROWS)],
    "y": [k % 2 for k in range(ROWS)],
    "day": [datetime(2024, 1, 1 + k // 2) for k in range(ROWS)],
    "who": [f"u{k % 7}" for k in range(ROWS)],
    "price": [None if k == 3 else k / 2 for k in range(ROWS)],
    "shade": ["red" if k % 3 else None for k in range(ROWS)],
    "w": [1.0] * ROWS,
}
SHORT = SamplesSection(period_days=1, validation=2, tuning=2, test=2)


def put(folder, **changed):
    columns = {name: values for name, values in (GOOD | changed).items() if values is not None}
    pq.write_table(pa.table(columns), folder / "own.parquet")
    return folder / "own.parquet"


def section(path, **more):
    return OwnTable(**{"path": str(path), "label": "y", "key": "row", "timestamp": "day", "user": "who", **more})


def test_keys_and_labels_stay_as_they_came_and_gaps_stay_gaps(tmp_path):
    found = read(section(put(tmp_path)), samples=SHORT)
    assert found.keys["key"].to_pylist() == GOOD["row"]
    assert found.label.tolist() == GOOD["y"]
    assert found.keys["user_id"].to_pylist() == GOOD["who"]
    assert found.features["price"].to_pylist() == GOOD["price"]
    assert found.features["shade"].to_pylist() == GOOD["shade"]
    assert found.features.column_names == ["price", "w", "shade"]
    assert found.matrix().shape[0] == ROWS


@pytest.mark.parametrize("first", [0, 2**63 - 20, 2**64 - ROWS])
def test_ids_and_keys_beyond_64_signed_bits_are_kept_digit_by_digit(tmp_path, first):
    numbers = [first + k for k in range(ROWS)]
    wide = pa.array(numbers, pa.uint64())
    path = put(tmp_path, row=wide, who=wide, what=wide)
    samples = read(section(path, item="what"), samples=SHORT)
    texts = [str(n) for n in numbers]
    assert samples.keys["user_id"].to_pylist() == samples.keys["item_id"].to_pylist() == texts
    assert samples.keys["key"].to_pylist() == numbers
    assert len(set(samples.keys["sample_id"].to_pylist())) == ROWS


def test_rows_are_split_by_one_global_time(tmp_path):
    found = read(section(put(tmp_path)), samples=SHORT)
    split = found.keys["split"].to_pylist()
    assert split == ["train"] * 28 + ["validation"] * 4 + ["tuning"] * 4 + ["test"] * 4


def test_the_encoder_sees_training_rows_alone(tmp_path):
    before = read(section(put(tmp_path)), samples=SHORT).encoder.to_dict()
    later = [v if k < 28 else 1e6 for k, v in enumerate(GOOD["price"])]
    assert read(section(put(tmp_path, price=later)), samples=SHORT).encoder.to_dict() == before


def test_features_called_like_a_column_of_all_samples_stay_features(tmp_path):
    """Height and weight, the amount of a loan, the hour of a visit."""
    path = put(tmp_path, amount=GOOD["w"], weight=list(range(ROWS)), weight_=GOOD["w"], kind=GOOD["shade"], label=GOOD["price"])
    found = read(section(path), samples=SHORT)
    assert found.features.column_names == ["price", "w", "amount_", "weight__", "weight_", "label_", "shade", "kind_"]
    assert found.features["weight__"].to_pylist() == list(range(ROWS))
    assert found.weight.tolist() == [1.0] * ROWS
    assert found.label.tolist() == GOOD["y"]
    assert found.label_type == BINARY
    names = found.table().column_names
    assert len(names) == len(set(names))
    assert found.matrix().shape[0] == ROWS


def test_without_time_and_users_all_rows_are_train_and_each_its_own_user(tmp_path):
    found = read(section(put(tmp_path), timestamp=None, user=None, key=None, weight="w"))
    assert set(found.keys["split"].to_pylist()) == {"train"}
    assert len(np.unique(found.user)) == ROWS
    assert len(np.unique(found.keys["sample_id"].to_numpy())) == ROWS


BAD = {
    "a misspelt column": ({}, {"label": "yy"}, ConfigError, "no column 'yy'; did you mean 'y'"),
    "a misspelt feature": ({}, {"numeric": ["prize"]}, ConfigError, r"numeric\[0\].*'prize'; did you mean 'price'"),
    "a label of 2": ({"y": [0, 1, 2] + [0] * 37}, {}, SourceError, "row 3, column 'y'.*neither 0 nor 1"),
    "a label missing": ({"y": [0, None] + [1] * 38}, {}, SourceError, "row 2, column 'y'.*missing"),
    "a label of text": ({"y": ["yes"] * ROWS}, {}, SourceError, "a label is 0 or 1"),
    "one class": ({"y": [1] * ROWS}, {}, AssayError, "one class only"),
    "a key twice": ({"row": ["a", "b", "a", *GOOD["row"][3:]]}, {}, SourceError, "row 3, column 'row'.*a stands twice"),
    "a key missing": ({"row": [None, *GOOD["row"][1:]]}, {}, SourceError, "row 1, column 'row'.*needs a key"),
    "infinity": ({"price": [1.0, float("inf")] + [0.0] * 38}, {}, SourceError, "row 2, column 'price'.*infinite"),
    "1e308": ({"price": [1e308] + [0.0] * 39}, {}, SourceError, "row 1, column 'price'.*check its unit"),
    "text for a number": ({}, {"numeric": ["shade"]}, SourceError, "'shade' is string, not a number"),
    "a time missing": ({"day": [None, *GOOD["day"][1:]]}, {}, SourceError, "row 1, column 'day'.*needs a time"),
    "a time that is none": ({}, {"timestamp": "w"}, SourceError, "'w' is double; give a timestamp"),
    "a negative weight": ({"w": [-1.0] + [1.0] * 39}, {"weight": "w"}, SourceError, "row 1, column 'w'.*no weight"),
    "no feature": ({"price": None, "shade": None, "w": None}, {}, ConfigError, "no feature column"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_its_row_and_column(case, tmp_path):
    changed, more, kind, says = BAD[case]
    with pytest.raises(kind, match=says) as caught:
        read(section(put(tmp_path, **changed), **more), samples=SHORT)
    assert "own.parquet" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_no_rows_and_no_parquet(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        read(section(tmp_path / "none.parquet"))
    pq.write_table(pa.table({"y": pa.array([], pa.int64())}), tmp_path / "empty.parquet")
    with pytest.raises(SourceError, match="has no rows"):
        read(section(tmp_path / "empty.parquet"))
    (tmp_path / "text.parquet").write_text("y\n1\n")
    with pytest.raises(SourceError, match="not a Parquet file"):
        read(section(tmp_path / "text.parquet"))


TEXT = """size;shade;label;who
1,5;red;yes;a
2,5;NA;no;b
;blue;yes;a
"""


def rows_of(tmp_path, text, name="own.csv", **more):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return own_rows.read(OwnTable(path=str(tmp_path / name), label="label", **more))


def test_text_gets_types_and_a_condition_makes_the_label(tmp_path):
    table = rows_of(tmp_path, TEXT, delimiter=";", decimal=",", positive="label = 'yes'")
    assert table["size"].to_pylist() == [1.5, 2.5, None]
    assert table["shade"].to_pylist() == ["red", None, "blue"]
    assert table["label"].to_pylist() == [1, 0, 1]
    with pytest.raises(ConfigError, match=r"\[table\] positive: 'lable = 1' cannot be computed"):
        rows_of(tmp_path, TEXT, delimiter=";", positive="lable = 1")
    with pytest.raises(ConfigError, match="cannot be computed"):
        rows_of(tmp_path, TEXT, delimiter=";", positive="true); COPY rows TO 'x.csv'; SELECT (true")


@pytest.mark.parametrize("name", ["own.csv", "own.jsonl", "own.xlsx", "own.parquet"])
def test_a_table_of_any_format_gives_the_same_samples(tmp_path, name):
    rows = [{"x": k / 4, "kind": f"k{k % 3}", "label": bool(k % 2), "who": f"u{k % 9}"} for k in range(200)]
    if name == "own.csv":
        lines = [f"{row['x']},{row['kind']},{str(row['label']).upper()},{row['who']}" for row in rows]
        (tmp_path / name).write_text("\n".join(["x,kind,label,who", *lines]))
    elif name == "own.jsonl":
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
    elif name == "own.xlsx":
        book = openpyxl.Workbook()
        for line in [list(rows[0]), *(list(row.values()) for row in rows)]:
            book.active.append(line)
        book.save(tmp_path / name)
    else:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    samples = read(OwnTable(path=str(tmp_path / name), label="label", user="who", random_split="who"))
    assert samples.label.tolist() == [int(row["label"]) for row in rows]
    assert samples.features["x"].to_pylist() == [row["x"] for row in rows]
    assert samples.features["kind_"].to_pylist() == [row["kind"] for row in rows]
    splits = dict(zip(samples.keys["user_id"].to_pylist(), samples.keys["split"].to_pylist(), strict=True))
    assert samples.keys["split"].to_pylist() == [splits[row["who"]] for row in rows]  # a user's rows fall into one split


def test_a_random_split_has_its_shares_and_does_not_change(tmp_path):
    text = "x,label\n" + "".join(f"{k},{k % 2}\n" for k in range(20_000))
    (tmp_path / "own.csv").write_text(text)
    section = OwnTable(path=str(tmp_path / "own.csv"), label="label", random_split="")
    split = read(section).keys["split"].to_pylist()
    shares = [split.count(name) / len(split) for name in ("train", "validation", "tuning", "test")]
    assert shares == pytest.approx([0.55, 0.15, 0.15, 0.15], abs=0.01)  # 3 standard errors
    assert read(section).keys["split"].to_pylist() == split


def test_a_column_may_name_the_splits(tmp_path):
    def split_of(words, **more):
        text = "x,label,fold\n" + "".join(f"{k},{k % 2},{words[k % len(words)]}\n" for k in range(400))
        (tmp_path / "own.csv").write_text(text)
        samples = read(OwnTable(path=str(tmp_path / "own.csv"), label="label", split="fold", **more))
        assert samples.features.column_names == ["x"]
        return samples.keys["split"].to_pylist()

    assert split_of(["train", "val", "Tuning", "test"])[:4] == ["train", "validation", "tuning", "test"]
    some = split_of(["train", "dev", "test"])
    assert {some[k] for k in range(0, 400, 3)} == {"train"}
    assert {some[k] for k in range(1, 400, 3)} == {"validation", "tuning"}
    assert set(split_of(["train", "test"])) == {"train", "validation", "tuning", "test"}
    with pytest.raises(SourceError, match=r"row 2, column 'fold': names no split"):
        split_of(["train", "half", "test"])
    with pytest.raises(SourceError, match="names no row test"):
        split_of(["train", "val"])
    with pytest.raises(ValueError, match="give one of timestamp, split and random_split"):
        OwnTable(path="x", label="y", split="a", timestamp="b")


def test_click_rows_as_criteo_gives_them(tmp_path):
    counts = "\t".join(str(k) for k in range(13))
    hashes = "\t".join(f"{k:08x}" for k in range(26))
    lines = [f"{k % 2}\t{counts if k % 5 else counts.replace('3', '', 1)}\t{hashes}" for k in range(20)]
    (tmp_path / "train.txt").write_text("\n".join(lines) + "\n")
    text = suggest(tmp_path / "train.txt")
    assert 'preset = "criteo"' in text
    (tmp_path / "c.toml").write_text(text)
    section = config.read(tmp_path / "c.toml").table
    table = own_rows.read(section)
    assert table.num_rows == 20
    assert table["label"].to_pylist() == [k % 2 for k in range(20)]
    assert table["I4"].null_count == 4
    assert table["C26"].to_pylist()[0] == "00000019"


def test_a_table_that_init_proposes_is_one_that_runs(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        f"{rng.integers(80)},{rng.random():.3f},{rng.choice(['Feb', 'Mar'])},{rng.choice(['TRUE', 'FALSE'])}" for _ in range(60)
    ]
    (tmp_path / "shoppers.csv").write_text("\n".join(["ProductRelated,BounceRates,Month,Revenue", *rows]))
    (tmp_path / "t.toml").write_text(suggest(tmp_path / "shoppers.csv"))
    samples = read(config.read(tmp_path / "t.toml").table)
    assert samples.features.column_names == ["ProductRelated", "BounceRates", "Month"]


def grouped(tmp_path, *groups, numeric=(), **changed):
    own = section(put(tmp_path, sex=["f" if k % 3 else None for k in range(ROWS)], age=list(range(ROWS)), **changed))
    return TableRequests(own.model_copy(update={"numeric": list(numeric)}), SHORT, groups)


def test_columns_of_groups_are_no_features_unless_they_are_named_as_some(tmp_path):
    assert {"sex", "shade"} <= set(grouped(tmp_path).features.column_names)
    assert grouped(tmp_path).tables(grouped(tmp_path).keys) == {}
    found = grouped(tmp_path, "sex", "shade")
    assert found.features.column_names == ["price", "w", "age"]
    table = found.tables(found.keys)["groups"]
    assert table["sample_id"].to_pylist() == found.keys["sample_id"].to_pylist()
    assert table["sex"].to_pylist() == ["f" if k % 3 else "unknown" for k in range(ROWS)]
    assert grouped(tmp_path, "y", numeric=["y", "price"]).features.column_names == ["y", "price"]


@pytest.mark.parametrize(
    ("group", "says"),
    [
        ("sexx", "no column 'sexx'; did you mean 'sex'"),
        ("age", "column 'age' has 40 different values, and groups are 2 to 20; write bands"),
        ("w", "column 'w' has 1 different values"),
    ],
)
def test_what_is_no_group_is_named(tmp_path, group, says):
    with pytest.raises(ConfigError, match=says):
        grouped(tmp_path, group)


def test_a_column_that_splits_by_chance_is_no_feature(tmp_path):
    own = OwnTable(path=str(put(tmp_path, day=None)), label="y", random_split="who")
    assert "who" not in TableRequests(own, SHORT).features.column_names
