from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from predictions.services.images import Submission
from predictions.services.storage import store
from tests.predictions.records import make_prediction
from tests.predictions.views.conftest import png

Submit = Callable[..., Submission]


def fetch(client: Client, path: str) -> tuple[Any, bytes]:
    """The answer and its whole body: read to the end, its file is closed."""
    response = client.get(path)
    content = response.getvalue()
    return response, content


@pytest.mark.parametrize("kind", ["display", "thumbnail"])
def test_picture_is_our_own_reencoding(
    as_bob: Client, submit: Submit, kind: str
) -> None:
    image = submit().image
    response, content = fetch(as_bob, f"/images/{image.pk}/{kind}/")
    assert response["Content-Type"] == "image/jpeg"
    assert content.startswith(b"\xff\xd8\xff")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, max-age=3600, immutable"
    assert response["Content-Disposition"] == (
        f'inline; filename="S26-0001-{str(image.pk)[:8]}-{kind}.jpg"'
    )


def test_heatmap_is_sent_as_png(as_bob: Client, submit: Submit) -> None:
    drawn = store().keep_bytes(png())
    prediction = make_prediction_of(submit(), heatmap_file=drawn)
    response, content = fetch(as_bob, f"/analyses/{prediction}/heatmap/")
    assert response["Content-Type"] == "image/png"
    assert content == png()


def make_prediction_of(submission: Submission, **facts: object) -> str:
    return str(make_prediction(submission.image, **facts).pk)


def test_known_picture_is_not_sent_again(as_bob: Client, submit: Submit) -> None:
    path = f"/images/{submit().image.pk}/thumbnail/"
    etag = fetch(as_bob, path)[0]["ETag"]
    again = as_bob.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert again["ETag"] == etag


def test_picture_is_of_its_own_laboratory(
    as_charlie: Client, client: Client, submit: Submit
) -> None:
    prediction = make_prediction_of(submit(), heatmap_file=store().keep_bytes(png()))
    image = submit(shade=1).image
    for path in (
        f"/images/{image.pk}/display/",
        f"/images/{image.pk}/thumbnail/",
        f"/analyses/{prediction}/heatmap/",
    ):
        assert as_charlie.get(path).status_code == 404
        assert client.get(path).status_code == 302


def test_known_tag_opens_nothing_to_another_laboratory(
    as_bob: Client, as_charlie: Client, submit: Submit
) -> None:
    path = f"/images/{submit().image.pk}/display/"
    etag = fetch(as_bob, path)[0]["ETag"]
    assert as_charlie.get(path, headers={"If-None-Match": etag}).status_code == 404


def test_lost_file_is_not_there(as_bob: Client, submit: Submit) -> None:
    image = submit().image
    store().drop(image.display_file)
    assert as_bob.get(f"/images/{image.pk}/display/").status_code == 404


def test_analysis_without_a_heatmap_has_none(as_bob: Client, submit: Submit) -> None:
    submission = submit()
    assert as_bob.get(f"/analyses/{submission.analysis.pk}/heatmap/").status_code == 404


def test_ids_of_files_and_paths_are_served_nowhere(
    as_bob: Client, submit: Submit, settings: Settings
) -> None:
    image = submit().image
    stored = store().local(image.stored_file)
    inside = stored.relative_to(settings.STORAGE_ROOT)
    for path in (
        f"/images/{image.stored_file}/original/",
        f"/images/{image.stored_file}/display/",
        f"/{inside}",
        f"/static/../{inside}",
        f"/images/..%2f..%2f{inside}/display/",
    ):
        assert as_bob.get(path).status_code == 404
