"""Whatever a service does, the cases' status follows."""

from collections.abc import Iterator

import pytest

from predictions.models import Case
from predictions.services.case_status import misstated


@pytest.fixture(autouse=True)
def every_status_is_kept(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test with a case, the column says what the images say."""
    has_case = "case" in request.fixturenames
    if has_case:
        request.getfixturevalue("case")
    yield
    if has_case:
        assert not misstated(Case.objects.all()).exists()
