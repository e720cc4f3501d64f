"""One config after the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf import text_format
from grpc import StatusCode

from serving.messages import ModelServerConfig
from serving.server.attempts import Retries
from serving.server.loader import Threads
from serving.server.model_config import ModelEntry
from serving.server.models import Models, ServedModel, State
from serving.server.reload import ConfigFile, Reloader
from serving.server.status import StatusError
from tests.serving.server.placing import add, answering

Put = Callable[..., str]


def make(entry: ModelEntry) -> ServedModel:
    return ServedModel(entry.name, entry.base_path, Threads(1, 1), entry.policy)


@pytest.fixture
def models() -> Iterator[Models]:
    served = Models()
    yield served
    served.unload_all()


@pytest.fixture
def reloader(models: Models) -> Reloader:
    return Reloader(models, make)


@pytest.fixture
def put(echo_path: Path, tmp_path: Path) -> Put:
    """Put versions of a model in place; returns how a config lists it."""

    def put(name: str, *versions: int, more: str = "") -> str:
        base_path = tmp_path / name
        for version in versions:
            if not (base_path / str(version)).exists():
                add(echo_path, base_path, version)
        return (
            f'config {{ name: "{name}" base_path: "{base_path}" '
            f'model_platform: "tensorflow" {more} }}'
        )

    return put


def listed(*models: str) -> ModelServerConfig:
    text = f"model_config_list {{ {' '.join(models)} }}"
    return text_format.Parse(text, ModelServerConfig())


def state(models: Models, name: str, version: int) -> State:
    (status,) = models.statuses(name, version)
    return status.state


def never() -> bool:
    return False


def refused(reloader: Reloader, config: ModelServerConfig) -> StatusError:
    with pytest.raises(StatusError) as caught:
        reloader.reload(config, is_awaited=never)
    return caught.value


def test_a_config_replaces_the_one_before(
    reloader: Reloader, models: Models, put: Put
) -> None:
    reloader.reload(listed(put("one", 1), put("two", 1)), is_awaited=never)
    assert answering(models, "one") == answering(models, "two") == 1

    reloader.reload(listed(put("two", 1, 2), put("three", 5)), is_awaited=never)

    assert answering(models, "two") == 2
    assert answering(models, "three") == 5
    assert state(models, "one", 1) is State.END
    with pytest.raises(StatusError, match=r"request: Latest\(one\)"):
        answering(models, "one")


def test_a_model_that_comes_back_is_loaded_again(
    reloader: Reloader, models: Models, put: Put
) -> None:
    for _ in range(2):
        reloader.reload(listed(put("one", 1)), is_awaited=never)
        assert answering(models, "one") == 1
        reloader.reload(listed(), is_awaited=never)
        assert state(models, "one", 1) is State.END


def test_a_new_policy_holds_for_a_model_that_stays(
    reloader: Reloader, models: Models, put: Put
) -> None:
    reloader.apply(listed(put("one", 1, 2)))
    reloader.apply(listed(put("one", more="model_version_policy { all { } }")))

    assert [answering(models, "one", version) for version in (1, 2)] == [1, 2]


def test_a_new_base_path_holds_for_a_model_that_stays(
    reloader: Reloader, models: Models, put: Put
) -> None:
    reloader.apply(listed(put("one", 1)))
    reloader.apply(listed(put("moved", 2).replace('name: "moved"', 'name: "one"')))

    assert answering(models, "one") == 2


def test_a_wrong_config_leaves_what_is_served(
    reloader: Reloader, models: Models, put: Put
) -> None:
    reloader.apply(listed(put("one", 1)))
    error = refused(reloader, listed(put("two", 1), put("two", 1)))

    assert error.code is StatusCode.INVALID_ARGUMENT
    assert answering(models, "one") == 1
    with pytest.raises(StatusError, match="Could not find any versions of model two"):
        models.statuses("two", None)


def test_the_old_stays_while_the_new_cannot_be_loaded(
    reloader: Reloader, models: Models, put: Put, tmp_path: Path
) -> None:
    reloader.apply(listed(put("one", 1)))
    new = put("two", 1)
    (tmp_path / "two" / "1" / "saved_model.pb").write_bytes(b"half")
    error = refused(reloader, listed(new))

    assert error.code is StatusCode.UNKNOWN
    assert error.message.startswith(
        "1 model(s) did not become available: {{{name: two version: 1} due to error: "
    )
    assert answering(models, "one") == 1
    assert state(models, "two", 1) is State.END


def test_the_old_goes_when_the_new_has_come(
    reloader: Reloader, models: Models, put: Put
) -> None:
    reloader.apply(listed(put("one", 1)))
    config = listed(put("two"))
    reloader.apply(config)
    assert answering(models, "one") == 1

    put("two", 3)
    models.refresh()
    assert answering(models, "two") == 3
    assert state(models, "one", 1) is State.END


def test_a_model_without_files_is_waited_for(
    reloader: Reloader, models: Models, put: Put
) -> None:
    looks: list[bool] = []

    def put_files() -> bool:
        looks.append(put("one", 1) != "")
        return True

    reloader.reload(listed(put("one")), is_awaited=put_files)
    assert answering(models, "one") == 1
    assert looks == [True]


def test_the_wait_ends_when_nobody_waits(reloader: Reloader, put: Put) -> None:
    assert refused(reloader, listed(put("one"))).code is StatusCode.CANCELLED


def test_the_wait_ends_with_the_server(reloader: Reloader, put: Put) -> None:
    def end() -> bool:
        reloader.end()
        return True

    with pytest.raises(StatusError) as caught:
        reloader.reload(listed(put("one")), is_awaited=end)
    assert caught.value.code is StatusCode.CANCELLED


def test_a_load_that_is_tried_again_is_waited_for(
    models: Models, put: Put, tmp_path: Path
) -> None:
    def make_patient(entry: ModelEntry) -> ServedModel:
        return ServedModel(
            entry.name, entry.base_path, Threads(1, 1), retries=Retries(1, 1e6)
        )

    whole = put("one", 1)
    path = tmp_path / "one" / "1" / "saved_model.pb"
    content = path.read_bytes()
    path.write_bytes(b"half")

    def mend() -> bool:
        path.write_bytes(content)
        return True

    Reloader(models, make_patient).reload(listed(whole), is_awaited=mend)
    assert answering(models, "one") == 1


def test_an_empty_config_may_be_followed_by_a_list(
    reloader: Reloader, models: Models, put: Put
) -> None:
    reloader.apply(ModelServerConfig())
    assert models.are_available()

    reloader.apply(listed(put("one", 1)))
    assert answering(models, "one") == 1


def test_a_custom_config_is_refused(reloader: Reloader, put: Put) -> None:
    custom = ModelServerConfig()
    custom.custom_model_config.SetInParent()
    assert refused(reloader, custom).code is StatusCode.UNIMPLEMENTED

    reloader.apply(listed(put("one", 1)))
    for other in (custom, ModelServerConfig()):
        error = refused(reloader, other)
        assert error.code is StatusCode.FAILED_PRECONDITION
        assert "Cannot transition to requested config." in error.message


def test_a_file_is_followed(
    reloader: Reloader, models: Models, put: Put, tmp_path: Path
) -> None:
    path = tmp_path / "models.config"
    file = ConfigFile(path, reloader)
    path.write_text(str(listed(put("one", 1))))
    file.poll()
    assert answering(models, "one") == 1

    path.write_text(str(listed(put("two", 1))))
    file.poll()
    assert answering(models, "two") == 1


def test_a_broken_file_is_logged_once_and_changes_nothing(
    reloader: Reloader,
    models: Models,
    put: Put,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "models.config"
    file = ConfigFile(path, reloader)
    whole = str(listed(put("one", 1)))
    for text in (whole, "model_config_list {", "model_config_list {"):
        path.write_text(text)
        file.poll()

    assert answering(models, "one") == 1
    said = [r.message for r in caplog.records if "Failed to reload" in r.message]
    assert len(said) == 1
    assert f"Invalid protobuf file: '{path}'" in said[0]

    for text in (whole, "model_config_list {"):
        path.write_text(text)
        file.poll()
    assert len([r for r in caplog.records if "Failed to reload" in r.message]) == 2
