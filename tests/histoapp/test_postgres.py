"""PostgreSQL as the embedded stack runs it."""

from collections.abc import Iterator
from contextlib import closing

import psutil
import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - It is a class.

from histoapp.embedded.identity import server_identity
from histoapp.embedded.postgres import OWNER
from tests import servers


@pytest.fixture
def database() -> Iterator[str]:
    """A database with the roles' privileges, and nothing else in it."""
    name = "roles_alone"
    with servers.postgres().connect() as server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    servers.postgres().grant(name)
    yield name
    servers.drop(name)


@pytest.fixture
def owner(database: str) -> Iterator[Cursor]:
    """The role that migrates."""
    url = servers.postgres().url(OWNER, database)
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


@pytest.fixture
def app(database: str) -> Iterator[Cursor]:
    """The application's role."""
    url = servers.postgres().url(database=database)
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def test_the_applications_role_uses_what_the_owner_makes(
    owner: Cursor, app: Cursor
) -> None:
    owner.execute("CREATE TABLE slide (id serial, name text)")
    app.execute("INSERT INTO slide (name) VALUES ('a'), ('b')")
    app.execute("UPDATE slide SET name = 'c' WHERE name = 'b'")
    app.execute("DELETE FROM slide WHERE name = 'a'")
    app.execute("SELECT name FROM slide")
    assert app.fetchall() == [("c",)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "ALTER TABLE slide DISABLE TRIGGER ALL",
        "TRUNCATE slide",
        "DROP TABLE slide",
        "GRANT histoapp_owner TO histoapp_app",
    ],
)
def test_the_applications_role_changes_no_structure(
    owner: Cursor, app: Cursor, statement: str
) -> None:
    owner.execute("CREATE TABLE slide (id int)")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        app.execute(statement)


def test_granting_twice_is_the_same_as_once(database: str, owner: Cursor) -> None:
    servers.postgres().grant(database)
    owner.execute("CREATE TABLE slide (id int)")


def test_nobody_comes_in_without_the_password() -> None:
    url = servers.postgres().url().replace(servers.postgres().app_password, "guess")
    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        psycopg2.connect(url)


def test_it_listens_on_no_network_address() -> None:
    with servers.postgres().connect() as server, server.cursor() as cursor:
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchone() == ("",)


def test_it_never_runs_as_root() -> None:
    pid = int((servers.postgres().data / "postmaster.pid").read_text().split()[0])
    identity = server_identity()
    expected = psutil.Process().uids() if identity is None else (identity.uid,) * 3
    assert psutil.Process(pid).uids() == expected
    assert expected[0] != 0
