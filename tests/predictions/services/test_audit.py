"""The audit trail: appended, chained, and any change to it named."""

import threading
from collections.abc import Callable
from functools import partial

import psycopg2
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction
from django.db.utils import ProgrammingError

from predictions.models import AuditEvent, Laboratory
from predictions.services.audit import chain_heads, record_event, verify_chains
from predictions.services.laboratories import create_laboratory
from tests import servers

WRITERS = 20


def append(laboratory: Laboratory | None, note: str = "") -> AuditEvent:
    with transaction.atomic():
        return record_event(
            laboratory=laboratory,
            actor=None,
            action="test.note",
            subject="test:1",
            detail={"note": note},
        )


def tamper(database: str, statement: str) -> None:
    """As somebody with the keys of the server: the trigger off, the change, on."""
    with servers.postgres().connect(database) as server, server.cursor() as cursor:
        cursor.execute("ALTER TABLE predictions_auditevent DISABLE TRIGGER USER")
        cursor.execute(statement)
        cursor.execute("ALTER TABLE predictions_auditevent ENABLE TRIGGER USER")


@pytest.fixture
def database(committed_db: str) -> str:
    """The name of this test's own database."""
    return str(connections["default"].settings_dict["NAME"])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE predictions_auditevent SET actor = 'nobody'",
        "DELETE FROM predictions_auditevent",
        "TRUNCATE predictions_auditevent",
    ],
    ids=["update", "delete", "truncate"],
)
def test_the_application_may_not_touch_the_trail(
    laboratory: Laboratory, change: str
) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE predictions_auditevent SET actor = 'nobody'",
        "DELETE FROM predictions_auditevent",
        "TRUNCATE predictions_auditevent",
    ],
    ids=["update", "delete", "truncate"],
)
def test_a_trigger_stops_even_the_owner(database: str, change: str) -> None:
    create_laboratory(name="North")
    owner = servers.postgres().url("histoapp_owner", database)
    with (
        psycopg2.connect(owner) as server,
        server.cursor() as cursor,
        pytest.raises(psycopg2.IntegrityError, match="this record is final"),
    ):
        cursor.execute(change)
    server.close()


def test_an_event_is_the_hash_of_itself_and_the_one_before(
    laboratory: Laboratory,
) -> None:
    first, second = append(laboratory), append(laboratory)
    assert second.sequence == first.sequence + 1
    assert second.previous_hash == first.hash
    assert second.hash == second.expected_hash()


def test_laboratories_and_the_installation_have_chains_of_their_own(
    laboratory: Laboratory, elsewhere: Laboratory
) -> None:
    before = {head.laboratory: head.sequence for head in chain_heads()}
    append(laboratory)
    append(None)
    after = {head.laboratory: head.sequence for head in chain_heads()}
    assert after[laboratory] == before[laboratory] + 1
    assert after[elsewhere] == before[elsewhere]
    assert after[None] == before.get(None, 0) + 1


def test_an_event_needs_a_transaction(committed_db: str) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        record_event(laboratory=None, actor=None, action="a", subject="b")


def test_an_event_outlives_its_actor_s_name(laboratory: Laboratory) -> None:
    alice = User.objects.create_user("alice")
    with transaction.atomic():
        event = record_event(
            laboratory=laboratory, actor=alice, action="a", subject="b"
        )
    User.objects.filter(pk=alice.pk).update(username="alice.married")
    event.refresh_from_db()
    assert event.actor == "alice"
    assert not list(verify_chains())


def test_the_database_refuses_a_fork(laboratory: Laboratory) -> None:
    event = append(laboratory)
    event.pk = None
    with (
        pytest.raises(IntegrityError, match="audit_sequence_once_in_chain"),
        transaction.atomic(),
    ):
        event.save(force_insert=True)


@pytest.mark.parametrize(
    ("statement", "sequence", "why"),
    [
        (
            "UPDATE predictions_auditevent SET at = now() WHERE sequence = 3",
            3,
            "was changed",
        ),
        (
            "UPDATE predictions_auditevent SET detail = '{}' WHERE sequence = 2",
            2,
            "was changed",
        ),
        (
            "UPDATE predictions_auditevent SET actor_id = 7 WHERE sequence = 2",
            2,
            "was changed",
        ),
        (
            "UPDATE predictions_auditevent SET actor = 'x' WHERE sequence = 2",
            2,
            "was changed",
        ),
        (
            "UPDATE predictions_auditevent SET action = 'x' WHERE sequence = 1",
            1,
            "was changed",
        ),
        (
            "UPDATE predictions_auditevent SET subject = 'x' WHERE sequence = 3",
            3,
            "was changed",
        ),
        ("DELETE FROM predictions_auditevent WHERE sequence = 2", 2, "is missing"),
        (
            "UPDATE predictions_auditevent SET previous_hash = hash WHERE sequence = 2",
            2,
            "does not follow the one before",
        ),
    ],
    ids=["time", "detail", "actor", "name", "action", "subject", "deleted", "relinked"],
)
def test_a_tampered_row_is_named(
    database: str, statement: str, sequence: int, why: str
) -> None:
    laboratory = create_laboratory(name="North")
    for note in ("one", "two", "three"):
        append(laboratory, note)
    untouched = create_laboratory(name="South")
    tamper(database, f"{statement} AND laboratory_id = '{laboratory.pk}'")
    assert list(verify_chains()) == [(laboratory, sequence, why)]
    assert untouched.audit_events.exists()


def test_verify_audit_names_the_broken_row(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    append(create_laboratory(name="North"))
    tamper(database, "UPDATE predictions_auditevent SET actor = 'x' WHERE sequence = 2")
    with pytest.raises(CommandError, match="tampered"):
        call_command("verify_audit")
    assert capsys.readouterr().out == "Chain of North: event 2 was changed.\n"


def test_verify_audit_prints_the_heads_of_sound_chains(
    laboratory: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    event = append(laboratory)
    call_command("verify_audit")
    said = capsys.readouterr().out
    assert "Every audit chain is whole" in said
    assert f"North: {event.sequence} {event.hash}" in said


def run_all(jobs: list[Callable[[], object]]) -> None:
    """Run each in a thread of its own, with a connection of its own, at once."""
    barrier = threading.Barrier(len(jobs))
    errors: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        barrier.wait()
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - Told to the test's own thread.
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []


def test_twenty_writers_at_once_keep_every_chain_whole(database: str) -> None:
    north = create_laboratory(name="North")
    south = create_laboratory(name="South")
    chains = [north, south, None, north]

    def write(number: int) -> None:
        for _ in range(5):
            append(chains[number % len(chains)], str(number))

    run_all([partial(write, number) for number in range(WRITERS)])
    assert not list(verify_chains())
    assert {head.laboratory: head.sequence for head in chain_heads()} == {
        north: 51,
        south: 26,
        None: 25,
    }
