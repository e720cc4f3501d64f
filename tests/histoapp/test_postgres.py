"""PostgreSQL as the embedded stack runs it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psutil
import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - It is a class.

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.identity import server_identity
from histoapp.embedded.postgres import OWNER, Postgres
from histoapp.embedded.runtime import runtime_folder
from tests import servers
from tests.servers import make_folder


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


@pytest.fixture
def cluster() -> Iterator[Postgres]:
    """A server of the test's own, initialised and not started."""
    folder = make_folder()
    yield Postgres(
        data=folder / "postgres",
        sockets=runtime_folder(folder, server_identity()),
        superuser_password="first",
        owner_password="second",
        app_password="third",
        identity=server_identity(),
    )
    shutil.rmtree(runtime_folder(folder, server_identity()))
    shutil.rmtree(folder)


def run(server: Postgres) -> subprocess.Popen[bytes]:
    log = server.data.with_name("log").open("ab")
    with log:
        return subprocess.Popen(server.command(), stdout=log, stderr=log, cwd="/")


def test_data_is_kept_from_start_to_start(cluster: Postgres) -> None:
    for _ in range(2):
        cluster.initialise(durable=False)
        with run(cluster) as process:
            cluster.wait_until_ready()
            cluster.prepare()
            with cluster.connect("histoapp") as server, server.cursor() as cursor:
                cursor.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
                cursor.execute("INSERT INTO kept VALUES (1)")
                cursor.execute("SELECT count(*) FROM kept")
                found = cursor.fetchone()
            process.send_signal(signal.SIGINT)
    assert found == (2,)


def test_a_server_that_outlived_its_starter_is_ended(cluster: Postgres) -> None:
    cluster.initialise(durable=False)
    with run(cluster) as process:
        cluster.wait_until_ready()
        cluster.end_stale()
    assert process.returncode == 0


def test_a_process_that_only_has_its_old_number_is_left_alone(
    cluster: Postgres,
) -> None:
    cluster.initialise(durable=False)
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n")
    cluster.end_stale()
    assert not (cluster.data / "postmaster.pid").exists()


def test_a_damaged_database_is_said(cluster: Postgres) -> None:
    cluster.initialise(durable=False)
    (cluster.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedError, match="is of PostgreSQL 15, not of Post"):
        cluster.initialise()
    (cluster.data / "PG_VERSION").unlink()
    with pytest.raises(EmbeddedError, match="is damaged"):
        cluster.initialise()


def test_a_lost_password_is_said(cluster: Postgres) -> None:
    cluster.initialise(durable=False)
    with run(cluster) as process:
        cluster.wait_until_ready()
        with pytest.raises(EmbeddedError, match="does not know the password"):
            replace(cluster, superuser_password="guess").is_ready()
        process.send_signal(signal.SIGINT)
