"""Every packaged SQL file is plain enough for another engine: it transpiles to Spark without loss."""

from importlib.resources import files

import pytest
import sqlglot
from sqlglot import exp

from assay.samples.describe import families

FILES = [f"assay.samples.features/{family.unit}/{family.name}.sql" for family in families()]
FILES += [f"assay.logs.clean/{e.name}" for e in files("assay.logs.clean").iterdir() if e.name.endswith(".sql")]


@pytest.mark.parametrize("name", sorted(FILES))
def test_it_is_one_select_that_spark_can_parse(name):
    package, _, path = name.partition("/")
    text = files(package).joinpath(path).read_text(encoding="utf-8")
    parsed = sqlglot.parse(text, read="duckdb")
    assert len(parsed) == 1
    assert isinstance(parsed[0], exp.Query)
    assert not list(parsed[0].find_all(exp.Command))
    spark = sqlglot.transpile(text, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)[0]
    again = sqlglot.parse_one(spark, read="spark")
    assert [c.alias_or_name for c in again.selects] == [c.alias_or_name for c in parsed[0].selects]
