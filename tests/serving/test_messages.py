import json
import sys

import pytest

from serving.messages import not_running


def test_a_package_that_is_not_installed_is_said_by_name() -> None:
    with (
        pytest.raises(ModuleNotFoundError, match="no_such_package"),
        not_running("no_such_package"),
    ):
        pass


def test_nothing_is_left_of_a_package_that_was_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)

    with not_running("this"):
        assert not hasattr(sys.modules["this"], "s")
    assert "this" not in sys.modules


def test_a_package_that_runs_already_stays() -> None:
    with not_running("json"):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json
