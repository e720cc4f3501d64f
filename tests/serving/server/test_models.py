import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.server.loader import Threads
from serving.server.models import Models, ServedModel, State
from serving.server.predict import run
from serving.server.status import StatusError
from tests.serving.server.placing import X, add, ask, states


@pytest.fixture
def base_path(tmp_path: Path) -> Path:
    return tmp_path / "echo"


@pytest.fixture
def model(base_path: Path) -> Iterator[ServedModel]:
    served = ServedModel("echo", base_path, Threads(1, 1))
    yield served
    served.unload_all()


def test_the_newest_version_is_served(
    model: ServedModel, echo_path: Path, base_path: Path
) -> None:
    for version in (2, 10, 9):
        add(echo_path, base_path, version)
    model.refresh()

    assert states(model) == {10: State.AVAILABLE}
    assert ask(model) == ask(model, 10) == 10
    with pytest.raises(StatusError, match=r"Specific\(echo, 9\)"):
        ask(model, 9)


def test_a_new_version_replaces_the_old_one(
    model: ServedModel, echo_path: Path, base_path: Path
) -> None:
    add(echo_path, base_path, 1)
    model.refresh()
    add(echo_path, base_path, 2)
    model.refresh()

    assert states(model) == {1: State.END, 2: State.AVAILABLE}
    assert ask(model) == 2


def test_the_old_version_stays_while_somebody_holds_it(
    model: ServedModel, echo_path: Path, base_path: Path
) -> None:
    add(echo_path, base_path, 1)
    model.refresh()
    add(echo_path, base_path, 2)

    with model.hold(None) as held:
        model.refresh()
        assert states(model) == {1: State.UNLOADING, 2: State.AVAILABLE}
        assert ask(model) == 2
        signature = held.servable.signatures["serving_default"]
        assert len(run(held.servable, signature, {"x": X}, ["y"])["y"]) == 1
    assert states(model) == {1: State.END, 2: State.AVAILABLE}


def test_whoever_stays_inside_is_not_waited_for_at_the_end(
    model: ServedModel, echo_path: Path, base_path: Path
) -> None:
    add(echo_path, base_path, 1)
    model.refresh()

    with model.hold(None):
        assert not Models([model]).unload_all(timeout_s=0.01)
        assert states(model) == {1: State.UNLOADING}
    assert states(model) == {1: State.END}


def test_a_version_that_does_not_load_replaces_nothing(
    model: ServedModel, echo_path: Path, base_path: Path
) -> None:
    add(echo_path, base_path, 1)
    model.refresh()
    half = add(echo_path, base_path, 2)
    (half / "saved_model.pb").write_bytes(b"half")
    model.refresh()

    assert states(model) == {1: State.AVAILABLE, 2: State.END}
    assert ask(model) == 1
    assert "2: " in str(model.statuses()[0].error)


def test_a_version_that_was_half_written_loads_once_it_is_whole(
    model: ServedModel, echo_path: Path, base_path: Path
) -> None:
    half = add(echo_path, base_path, 2)
    whole = (half / "saved_model.pb").read_bytes()
    (half / "saved_model.pb").write_bytes(whole[:100])
    model.refresh()
    failed = model.statuses()[0].error
    model.refresh()
    assert model.statuses()[0].error is failed  # Not tried again for nothing.

    (half / "saved_model.pb").write_bytes(whole)
    model.refresh()
    assert states(model) == {2: State.AVAILABLE}
    assert model.statuses()[0].error is None


def test_the_older_version_comes_back_when_the_newer_is_taken_away(
    model: ServedModel, echo_path: Path, base_path: Path
) -> None:
    add(echo_path, base_path, 1)
    newer = add(echo_path, base_path, 2)
    model.refresh()
    shutil.rmtree(newer)
    model.refresh()

    assert states(model) == {1: State.AVAILABLE, 2: State.END}
    assert ask(model) == 1


def test_a_model_without_files_is_not_served(
    model: ServedModel, echo_path: Path, base_path: Path
) -> None:
    model.refresh()
    assert not model.is_available()
    add(echo_path, base_path, 1)
    model.refresh()
    shutil.rmtree(base_path / "1")
    model.refresh()

    assert states(model) == {1: State.END}
    with pytest.raises(StatusError, match=r"Latest\(echo\)"):
        ask(model)


def test_strangers_are_warned_of_once(
    model: ServedModel, base_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (base_path / "v1").mkdir(parents=True)
    model.refresh()
    model.refresh()

    assert [record.message for record in caplog.records] == [
        "echo: 'v1' is no version number: ignored"
    ]


def test_a_bad_warm_up_record_makes_a_bad_model(
    model: ServedModel, echo_path: Path, base_path: Path
) -> None:
    folder = add(echo_path, base_path, 1)
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra" / "tf_serving_warmup_requests").write_bytes(
        b"nonsense" * 9
    )
    model.refresh()

    assert states(model) == {1: State.END}
    assert "warm-up" in str(model.statuses()[0].error)
    failed = Models([model]).failed()
    assert failed is not None
    assert "warm-up" in failed.message
