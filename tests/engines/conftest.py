"""Databases of the tests' own on real servers; absent servers skip, or fail where CI asks for them."""

import os
import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

SERVERS = {
    "mysql": ("mysql+pymysql://root@127.0.0.1:3306/", "mysql"),
    "postgresql": ("postgresql+psycopg://root@127.0.0.1:5432/", "postgres"),
}


def _absent(kind: str, error: Exception) -> None:
    message = f"no {kind} server on 127.0.0.1: {str(error)[:200]}"
    if os.environ.get("ASSAY_REQUIRE_DATABASES") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(params=["sqlite", *(pytest.param(s, marks=pytest.mark.database) for s in SERVERS)])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL, as a user writes it, of an empty database that is dropped afterwards."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("sqlite") / "log.db"
        sa.create_engine(f"sqlite:///{path}").connect().exec_driver_sql("VACUUM")
        yield f"sqlite:///{path}"
        return
    base, home = SERVERS[request.param]
    name = f"assay_test_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(base + home, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    try:
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError as error:
        _absent(request.param, error)
    yield base.replace("+pymysql", "").replace("+psycopg", "") + name
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")


@pytest.fixture
def execute(database: str):
    """Run SQL on the test's database, as its owner."""
    url = database.replace("mysql:", "mysql+pymysql:").replace("postgresql:", "postgresql+psycopg:")

    def run(sql: str, *rows: dict) -> list[tuple]:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            result = connection.execute(sa.text(sql), list(rows) if rows else {})
            return [tuple(row) for row in result] if result.returns_rows else []

    return run
