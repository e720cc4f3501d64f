"""What a person types, and what comes of it."""

import json
from pathlib import Path

import pytest
from django.utils import timezone

from predictions.models import Analysis, Case, Image, JobStatus
from tests.histo.conftest import Histo
from tests.predictions.api.conftest import png
from tests.predictions.api.web import Web
from tests.predictions.records import make_image, make_prediction


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, one of them deeper down, and something else."""
    folder = tmp_path / "fields"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.png").write_bytes(png((200, 120, 170)))
    (folder / "deeper" / "b.PNG").write_bytes(png((180, 100, 160)))
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_goes_into_a_case_that_it_opens(
    histo: Histo, web: Web, folder: Path
) -> None:
    ended = histo(
        "upload", folder, "--accession", "S26-7", "--patient", "P-7", "--json"
    )
    assert ended.returncode == 0, ended.stderr
    case = Case.objects.get(accession_number="S26-7")
    assert {one["state"] for one in json.loads(ended.stdout)} == {"accepted"}
    assert sorted(case.images.values_list("filename", flat=True)) == ["a.png", "b.PNG"]
    assert "\x1b" not in ended.stdout + ended.stderr


def test_a_second_run_repeats_nothing(histo: Histo, web: Web, folder: Path) -> None:
    named = ("upload", folder, "--accession", "S26-7", "--patient", "P-7")
    histo(*named)
    again = histo(*named)
    assert again.returncode == 0, again.stderr
    assert "0 accepted, 2 there already, 0 refused." in again.stderr
    assert Image.objects.count() == 2
    assert Case.objects.count() == 2


def test_what_is_said_about_the_files_is_kept(
    histo: Histo, web: Web, folder: Path
) -> None:
    case = web.case.accession_number
    said = ("--spacing-um", 0.25, "--magnification", 40, "--specimen", "B")
    assert histo("upload", "--case", case, *said, folder / "a.png").returncode == 0
    image = Image.objects.get()
    assert (image.spacing_um, image.magnification) == (0.25, 40)
    assert image.specimen.label == "B"


def test_a_refused_file_is_said_and_its_neighbour_goes(
    histo: Histo, web: Web, folder: Path
) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    ended = histo("upload", "--case", web.case.pk, folder)
    assert ended.returncode == 1
    assert "broken.png: refused: " in ended.stderr
    assert "2 accepted, 0 there already, 1 refused." in ended.stderr


def test_a_case_of_another_patient_is_not_taken(
    histo: Histo, web: Web, folder: Path
) -> None:
    number = web.case.accession_number
    ended = histo("upload", "--accession", number, "--patient", "P-9", folder)
    assert ended.returncode == 1
    assert f"{number} is patient P-0001's already." in ended.stderr
    assert Image.objects.count() == 0


def test_answers_are_shown_with_their_model_and_notice(histo: Histo, web: Web) -> None:
    make_prediction(make_image(web.case, web.case.created_by))
    ended = histo("show", web.case.accession_number)
    assert ended.returncode == 0, ended.stderr
    for words in ("malignant", "93 %", "breast-mil v1", "Research use only."):
        assert words in ended.stdout
    shown = json.loads(histo("wait", web.case.pk, "--json").stdout)
    assert shown["images"][0]["analysis"]["prediction"]["probability"] == 0.93
    assert shown["notice"] == "Research use only. Not for diagnostic use."


def test_waiting_ends_with_the_last_answer_and_tells_of_a_failure(
    histo: Histo, web: Web, folder: Path
) -> None:
    histo("upload", "--case", web.case.pk, folder / "a.png")
    Analysis.objects.update(
        status=JobStatus.FAILED,
        failure_reason="The model server is away.",
        finished_at=timezone.now(),
    )
    ended = histo("wait", web.case.pk)
    assert ended.returncode == 1
    assert "The model server is away." in ended.stdout


def test_cases_are_listed(histo: Histo, web: Web) -> None:
    assert web.case.accession_number in histo("cases").stdout
    (case,) = json.loads(histo("cases", "--json").stdout)
    assert case["id"] == str(web.case.pk)


def test_what_is_missing_is_said_without_a_traceback(histo: Histo, web: Web) -> None:
    for words, code, said in (
        (("show", "S99-1"), 1, "No case of yours"),
        (("upload", "--case", "S26-0001", "/nowhere.png"), 1, "no file or folder"),
        (("upload", "--accession", "S26-9", __file__), 1, "no PNG, JPEG or TIFF"),
        (("wait",), 2, "required"),
    ):
        ended = histo(*words)
        assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr
        assert "Traceback" not in ended.stderr
    refused = histo("cases", HISTO_TOKEN="histo_wrong")
    assert refused.returncode == 3
    assert "not valid" in refused.stderr
