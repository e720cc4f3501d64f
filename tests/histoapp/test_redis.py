"""Redis as the embedded stack runs it."""

import psutil
import pytest
import redis

from histoapp.embedded.identity import server_identity
from tests import servers


def test_nothing_is_evicted_and_everything_is_written_down() -> None:
    with servers.redis().connect() as client:
        assert client.config_get("maxmemory-policy") == {
            "maxmemory-policy": "noeviction"
        }
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert int(client.config_get("maxmemory")["maxmemory"]) > 0


def test_nobody_comes_in_without_the_password() -> None:
    url = servers.redis().url().replace(servers.redis().password, "guess")
    with (
        redis.Redis.from_url(url) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_its_password_is_not_in_its_command_line() -> None:
    secret = servers.redis().password
    assert secret not in " ".join(servers.redis().command())


def test_it_never_runs_as_root() -> None:
    with servers.redis().connect() as client:
        pid = client.info("server")["process_id"]
    identity = server_identity()
    expected = psutil.Process().uids() if identity is None else (identity.uid,) * 3
    assert psutil.Process(pid).uids() == expected
    assert expected[0] != 0
