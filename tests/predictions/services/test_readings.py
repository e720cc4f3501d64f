"""Who looked: once per person and subject in a while."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import F

from predictions.models import AuditEvent, Counter, Image, Laboratory
from predictions.services.readings import ONE_READING, record_reading


def look(user: User, laboratory: Laboratory, image: Image, **more: str) -> bool:
    subject = f"image:{image.pk}"
    return record_reading(user=user, laboratory=laboratory, subject=subject, **more)


def test_a_reading_is_on_the_trail(
    bob: User, laboratory: Laboratory, image: Image
) -> None:
    assert look(bob, laboratory, image)
    event = AuditEvent.objects.get(action="image.read")
    assert (event.laboratory, event.actor_id) == (laboratory, bob.pk)
    assert (event.subject, event.detail) == (f"image:{image.pk}", {})


def test_leafing_back_within_a_while_is_one_reading(
    bob: User, laboratory: Laboratory, image: Image
) -> None:
    look(bob, laboratory, image)
    assert not look(bob, laboratory, image)
    assert AuditEvent.objects.filter(action="image.read").count() == 1


def test_a_while_later_it_is_another_reading(
    bob: User, laboratory: Laboratory, image: Image
) -> None:
    look(bob, laboratory, image)
    Counter.objects.update(began_at=F("began_at") - ONE_READING)
    assert look(bob, laboratory, image)
    assert timedelta(minutes=15) == ONE_READING


def test_each_person_subject_action_counts_alone(
    alice: User, bob: User, laboratory: Laboratory, image: Image
) -> None:
    assert look(alice, laboratory, image)
    assert look(bob, laboratory, image)
    assert look(bob, laboratory, image, action="case.read")
