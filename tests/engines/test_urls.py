"""A URL's secrets are in no message and in no stored config, wherever in the URL they stand; all else is kept."""

from urllib.parse import quote

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import assume, example, given, settings

from assay import config
from assay.engines import databases, urls
from assay.errors import ConfigError, InputError

SECRET = "hunter2"
# Where a password may have slipped to; {p} is the password.
PLACES = """
mysql://shop:{p}@127.0.0.1:1/log
mysql://shop@127.0.0.1:{p}/log
mysql://shop:x@127.0.0.1:1:{p}/log
mysql://shop:a@{p}@127.0.0.1:1/log
mysql://shop:a/b@{p}@127.0.0.1:1/log
mysql://shop@127.0.0.1:1/log@{p}
mysql://shop:x@127.0.0.1:1/log@{p}
mysql://shop:x@127.0.0.1@{p}/log
mysql://shop@127.0.0.1:1/log:{p}
mysql://shop:{p}@127.0.0.1
mysql://shop%3A{p}@127.0.0.1:1/log
mysql:shop:{p}@127.0.0.1/log
mysql:/shop:{p}@127.0.0.1/log
mysql//shop:{p}@127.0.0.1/log
{p}://shop@127.0.0.1/log
mysql+{p}://shop@127.0.0.1:1/log
mysql{p}://shop@127.0.0.1/log
{p}
shop:{p}@127.0.0.1/log
oracle://shop:{p}@127.0.0.1/log
mysql://shop@127.0.0.1:1/log?password={p}
mysql://shop@127.0.0.1:1/log?passwd={p}
mysql://shop@127.0.0.1:1/log?pasword={p}
mysql://shop@127.0.0.1:1/log?charset={p}
mysql://shop@127.0.0.1:1/log?connect_timeout={p}
mysql://shop@127.0.0.1:1/log?ssl_ca={p}
mysql://shop@127.0.0.1:1/log?plugin={p}
mysql://shop:x@127.0.0.1:1/log?ssl_key_password={p}
postgresql://shop@127.0.0.1:1/log?sslmode={p}
postgresql://shop@127.0.0.1:1/log?password={p}
postgresql://shop@127.0.0.1:1/log?pasword={p}
postgresql://shop@127.0.0.1:1/log?connect_timeout={p}
postgresql://shop@127.0.0.1:1/log?sslpassword={p}
postgresql://shop:{p}@127.0.0.1:1/log?sslmode=prefer
postgresql://shop@127.0.0.1:{p}/log?sslmode=prefer
postgresql://shop@[::1]:{p}/log
sqlite://shop:{p}@127.0.0.1/log
sqlite:///none.db?password={p}
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES.split())
@settings(max_examples=10)
@given(secret=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=5).filter(lambda s: not s.isdecimal()))
@example(SECRET)
def test_no_message_holds_a_password(place, secret):
    url = place.format(p=quote(secret, safe=""))
    with pytest.raises(InputError) as caught:
        list(databases.stream(url, table="log"))
    others = place.replace("{p}", "") + "database no user password url"  # what a message says anyway
    assert secret in others or secret not in str(caught.value)
    assert secret in others or secret not in urls.shown(url)


@pytest.mark.parametrize("url", ["mysql://shop@127.0.0.1:99999999/log", "postgresql://shop@127.0.0.1:99999999/log"])
def test_a_password_of_digits_is_not_taken_for_a_port(url):
    with pytest.raises(ConfigError, match="no database URL") as caught:
        list(databases.stream(url, table="log"))
    assert "9999" not in str(caught.value)


@pytest.mark.parametrize("name", [SECRET, "hunter-2", "Hunter2"])
def test_a_password_in_place_of_its_variable_s_name_is_not_shown(name):
    with pytest.raises(ConfigError, match="password_env") as caught:
        urls.parse("mysql://shop@127.0.0.1/log", name)
    assert name not in str(caught.value)
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE"):
        urls.parse("mysql://shop@127.0.0.1/log", "NOT_SET_ANYWHERE")


def test_a_url_in_place_of_a_path_is_not_shown():
    with pytest.raises(ConfigError, match="write a database's address as url") as caught:
        config.parse({"log": {"events": [{"path": f"mysql://shop:{SECRET}@127.0.0.1/log", "columns": {}}]}})
    assert SECRET not in str(caught.value)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
PARAMETERS = st.dictionaries(st.sampled_from(["charset", "sslmode", "options", "application_name", "x"]), WORDS, max_size=3)


@given(
    kind=st.sampled_from(["mysql", "mariadb", "postgresql", "mysql+pymysql"]),
    user=WORDS.filter(lambda word: ":" not in word),
    password=WORDS,
    database=WORDS.filter(lambda word: not set(word) & set("@:/?")),
    port=st.none() | st.integers(1, 65_535),
    query=PARAMETERS,
    secrets=st.dictionaries(st.sampled_from(["password", "passwd", "sslpassword", "ssl_key_password"]), WORDS, max_size=2),
)
def test_only_the_passwords_are_left_out_of_what_is_kept(kind, user, password, database, port, query, secrets):
    whole = sa.URL.create(kind, user, password, "db.example", port, database, query | secrets).render_as_string(
        hide_password=False
    )
    assume(sa.make_url(whole).database == database)  # SQLAlchemy 2.0 writes some names so that it reads others
    kept = urls.redact(whole)
    again = sa.make_url(kept)
    assert (again.drivername, again.username, again.password) == (kind.partition("+")[0], user, None)
    assert (again.host, again.port, again.database, dict(again.query)) == ("db.example", port, database, query)
    assert urls.redact(kept) == kept


@pytest.mark.parametrize("url", ["sqlite:////srv/лог.db?mode=ro", "mysql://shop@h/log?b=1&a=2", "postgresql://h/"])
def test_a_url_without_a_password_is_kept_as_it_is(url):
    assert urls.redact(url) == url


def test_what_a_url_lacks_is_said(monkeypatch):
    for kind in ("mysql", "mariadb", "mysql+pymysql"):
        with pytest.raises(ConfigError, match=r"names no database; write (mysql|mariadb)://user@host/database"):
            urls.parse(f"{kind}://shop@127.0.0.1", None)
    with pytest.raises(ConfigError, match="did you mean 'mysql'"):
        urls.parse("mysq://x/y", None)
    with pytest.raises(ConfigError, match="name the file"):
        urls.parse("sqlite://", None)
    monkeypatch.setenv("SHOP_PASSWORD", "from@the:environment")
    parsed = urls.parse("postgresql://shop:old@h/log?password=older&sslmode=require", "SHOP_PASSWORD")
    assert (parsed.password, dict(parsed.query)) == ("from@the:environment", {"sslmode": "require"})
