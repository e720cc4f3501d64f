"""Where real images for tests lie, and the marks that skip, saying so, without them."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
TEST_DATA = Path(
    os.environ.get("HISTOAPP_TEST_DATA", REPOSITORY.parent / "shared" / "data")
)


def needs_test_data(*names: str) -> pytest.MarkDecorator:
    """Skip unless every named file or folder is under HISTOAPP_TEST_DATA."""
    missing = [name for name in names if not (TEST_DATA / name).exists()]
    reason = f"set HISTOAPP_TEST_DATA: no {', '.join(missing)} under {TEST_DATA.name}/"
    return pytest.mark.skipif(bool(missing), reason=reason)
