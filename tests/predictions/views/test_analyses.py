from django.test import Client

from predictions.models import Analysis, Image, JobStatus
from tests.predictions.records import make_analysis, make_failed


def test_asking_again_writes_a_new_question_that_points_back(
    as_bob: Client, image: Image
) -> None:
    failed = make_failed(image)
    response = as_bob.post(f"/analyses/{failed.pk}/again/")
    assert response.status_code == 302
    assert response["Location"] == f"/images/{image.pk}/"
    again = Analysis.objects.exclude(pk=failed.pk).get()
    assert again.again_after == failed
    assert again.asked_by.username == "bob"


def test_asking_twice_waits_for_the_first(as_bob: Client, image: Image) -> None:
    failed = make_failed(image)
    make_analysis(image)
    response = as_bob.post(f"/analyses/{failed.pk}/again/", follow=True)
    assert "being analysed already" in response.content.decode()
    assert Analysis.objects.count() == 2


def test_waiting_question_is_cancelled(as_alice: Client, image: Image) -> None:
    analysis = make_analysis(image)
    as_alice.post(f"/analyses/{analysis.pk}/cancel/")
    analysis.refresh_from_db()
    assert analysis.status == JobStatus.CANCELLED


def test_cancelling_too_late_is_said(as_alice: Client, image: Image) -> None:
    failed = make_failed(image)
    response = as_alice.post(f"/analyses/{failed.pk}/cancel/", follow=True)
    assert "finished before it could be cancelled" in response.content.decode()


def test_administrator_neither_asks_nor_cancels(as_dora: Client, image: Image) -> None:
    failed, waiting = make_failed(image), make_analysis(image)
    again = as_dora.post(f"/analyses/{failed.pk}/again/")
    cancelled = as_dora.post(f"/analyses/{waiting.pk}/cancel/")
    assert (again.status_code, cancelled.status_code) == (403, 403)
    assert "Ask a technician" in again.content.decode()
    waiting.refresh_from_db()
    assert waiting.status == JobStatus.ACCEPTED


def test_page_without_the_token_asks_nothing(image: Image) -> None:
    failed = make_failed(image)
    client = Client(enforce_csrf_checks=True)
    client.force_login(image.uploaded_by)
    assert client.post(f"/analyses/{failed.pk}/again/").status_code == 403
    assert Analysis.objects.count() == 1
