"""Several versions of one model at once: by policy, with retries, under load."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.server.attempts import Retries
from serving.server.loader import LoadError, Servable, Threads
from serving.server.models import ServedModel, State
from serving.server.policy import VersionPolicy
from serving.server.status import StatusError
from tests.serving.server.placing import add, ask, states

ALL = VersionPolicy(newest=None)
Serve = Callable[..., ServedModel]

RETRIES = Retries()


@pytest.fixture
def base_path(tmp_path: Path) -> Path:
    return tmp_path / "echo"


@pytest.fixture
def serve(base_path: Path) -> Iterator[Serve]:
    """Make a model; unload it at the end."""
    made = []

    def serve(policy: VersionPolicy, retries: Retries = RETRIES) -> ServedModel:
        made.append(ServedModel("echo", base_path, Threads(1, 1), policy, retries))
        return made[-1]

    yield serve
    for model in made:
        model.unload_all()


def break_model(folder: Path) -> None:
    (folder / "saved_model.pb").write_bytes(b"half")


def test_all_versions_are_served(
    serve: Serve, echo_path: Path, base_path: Path
) -> None:
    for version in (1, 2, 3):
        add(echo_path, base_path, version)
    model = serve(ALL)
    model.refresh()

    assert set(states(model).values()) == {State.AVAILABLE}
    assert [ask(model, version) for version in (1, 2, 3, None)] == [1, 2, 3, 3]


def test_the_two_newest_make_room_for_a_newer_one(
    serve: Serve, echo_path: Path, base_path: Path
) -> None:
    for version in (1, 2, 3):
        add(echo_path, base_path, version)
    model = serve(VersionPolicy(newest=2))
    model.refresh()
    assert states(model) == {2: State.AVAILABLE, 3: State.AVAILABLE}

    add(echo_path, base_path, 4)
    model.refresh()
    assert states(model) == {2: State.END, 3: State.AVAILABLE, 4: State.AVAILABLE}


def test_named_versions_are_served_and_no_others(
    serve: Serve, echo_path: Path, base_path: Path
) -> None:
    for version in (1, 2, 3):
        add(echo_path, base_path, version)
    model = serve(VersionPolicy(named=frozenset({1, 2})))
    model.refresh()

    assert states(model) == {1: State.AVAILABLE, 2: State.AVAILABLE}
    assert ask(model) == 2


def test_a_named_version_that_is_not_there_is_waited_for(
    serve: Serve, echo_path: Path, base_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(echo_path, base_path, 1)
    model = serve(VersionPolicy(named=frozenset({1, 7})))
    model.refresh()
    model.refresh()
    missing = [
        r.message for r in caplog.records if "not found in the file" in r.message
    ]
    assert len(missing) == 1
    assert missing[0].startswith("Version 7 of servable echo, which was requested")

    add(echo_path, base_path, 7)
    model.refresh()
    assert ask(model) == 7
    assert ask(model, 1) == 1


def test_the_newest_that_can_be_asked_answers(
    serve: Serve, echo_path: Path, base_path: Path
) -> None:
    add(echo_path, base_path, 1)
    break_model(add(echo_path, base_path, 2))
    model = serve(ALL)
    model.refresh()

    assert states(model) == {1: State.AVAILABLE, 2: State.END}
    assert ask(model) == 1
    assert model.failed_version() is None


def test_new_versions_are_loaded_before_old_ones_are_unloaded(
    serve: Serve, echo_path: Path, base_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (1, 2):
        add(echo_path, base_path, version)
    model = serve(VersionPolicy(named=frozenset({1, 2})))
    model.refresh()
    load = model._load
    seen: list[dict[int, State]] = []

    def load_and_look(folder: Path) -> Servable:
        seen.append(states(model))
        return load(folder)

    monkeypatch.setattr(model, "_load", load_and_look)
    for version in (3, 4):
        add(echo_path, base_path, version)
    model.follow(base_path, VersionPolicy(named=frozenset({3, 4})))
    model.refresh()

    both = {1: State.AVAILABLE, 2: State.AVAILABLE}
    assert seen == [
        {**both, 4: State.LOADING},
        {**both, 3: State.LOADING, 4: State.AVAILABLE},
    ]
    assert states(model) == {
        **dict.fromkeys((1, 2), State.END),
        **dict.fromkeys((3, 4), State.AVAILABLE),
    }


@pytest.mark.parametrize("kind", ["gone", "no folder"])
def test_a_base_path_that_cannot_be_read_for_a_while_changes_nothing(
    kind: str,
    serve: Serve,
    echo_path: Path,
    base_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add(echo_path, base_path, 1)
    model = serve(ALL)
    model.refresh()
    base_path.rename(base_path.with_name("away"))
    if kind == "no folder":
        base_path.touch()
    model.refresh()

    assert ask(model) == 1
    assert f"Could not find base path {base_path} for servable echo" in caplog.messages


def test_a_failed_load_is_tried_again_as_often_as_told(
    serve: Serve, echo_path: Path, base_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(echo_path, base_path, 1)
    model = serve(ALL, Retries(2, -1))
    tries: list[State] = []

    def fail(_folder: Path) -> Servable:
        tries.append(states(model)[1])
        raise LoadError("not today")

    monkeypatch.setattr(model, "_load", fail)
    model.refresh()
    assert tries == [State.LOADING] * 3
    assert states(model) == {1: State.END}
    assert "not today" in str(model.statuses()[0].error)


def test_between_two_tries_a_version_is_still_loading(
    serve: Serve, echo_path: Path, base_path: Path
) -> None:
    add(echo_path, base_path, 1)
    model = serve(VersionPolicy(), Retries(1, 1e6))
    model.refresh()
    broken = add(echo_path, base_path, 2)
    break_model(broken)
    model.refresh()
    assert states(model) == {1: State.AVAILABLE, 2: State.LOADING}
    assert ask(model) == 1

    shutil.rmtree(broken)
    model.refresh()
    assert states(model) == {1: State.AVAILABLE, 2: State.END}


def test_a_version_that_comes_back_is_tried_anew(
    serve: Serve, echo_path: Path, base_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(echo_path, base_path, 1)
    model = serve(ALL)
    with monkeypatch.context() as failing:
        failing.setattr(Servable, "__init__", _fail)
        model.refresh()
    model.refresh()
    assert states(model) == {1: State.END}

    model.retire()
    model.unload_unwanted()
    model.refresh()
    assert states(model) == {1: State.AVAILABLE}


def _fail(_self: Servable, folder: Path, **_facts: object) -> None:
    raise LoadError(str(folder))


def test_a_failed_version_that_is_gone_is_no_failure(
    serve: Serve, echo_path: Path, base_path: Path
) -> None:
    broken = add(echo_path, base_path, 1)
    break_model(broken)
    model = serve(ALL)
    model.refresh()
    assert model.failed_version() is not None

    shutil.rmtree(broken)
    model.refresh()
    assert model.failed_version() is None


def test_versions_that_change_under_load_lose_no_request(
    serve: Serve, echo_path: Path, base_path: Path
) -> None:
    add(echo_path, base_path, 1)
    model = serve(VersionPolicy())
    model.refresh()
    ending = threading.Event()
    answered: list[int] = []
    failed: list[StatusError] = []

    def keep_asking() -> None:
        while not ending.is_set():
            try:
                answered.append(ask(model))
            except StatusError as error:
                failed.append(error)

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in (2, 3, 4):
        add(echo_path, base_path, version)
        model.refresh()
        _await_answer(answered, version)
    ending.set()
    for thread in threads:
        thread.join()

    assert failed == []
    assert set(answered) >= {2, 3, 4}
    assert states(model) == {
        **dict.fromkeys((1, 2, 3), State.END),
        4: State.AVAILABLE,
    }


def _await_answer(answered: list[int], version: int) -> None:
    while version not in answered[-100:]:
        pass
