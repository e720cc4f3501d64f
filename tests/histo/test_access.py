"""The token comes from where others cannot read it."""

from pathlib import Path

import pytest

from histo.access import LAPTOP, Access, find_access
from histo.errors import NoAccessError


def test_a_token_in_the_environment_is_taken(tmp_path: Path) -> None:
    access = find_access({"HISTO_TOKEN": "histo_a", "HISTO_URL": "https://lab.test/"})
    assert access == Access("https://lab.test", "histo_a")
    assert "histo_a" not in repr(access)


def test_a_token_s_file_is_read_if_nobody_else_can(tmp_path: Path) -> None:
    file = tmp_path / "histo" / "token"
    file.parent.mkdir()
    file.write_text("histo_b\n")
    file.chmod(0o600)
    assert find_access({"XDG_CONFIG_HOME": str(tmp_path)}) == Access(LAPTOP, "histo_b")
    file.chmod(0o640)
    with pytest.raises(NoAccessError, match="chmod 600"):
        find_access({"XDG_CONFIG_HOME": str(tmp_path)})


def test_without_a_token_it_says_where_one_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NoAccessError, match=r"\.config/histo/token"):
        find_access({"HOME": str(tmp_path)})
