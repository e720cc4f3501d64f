import pytest

from serving.server.policy import VersionPolicy


@pytest.mark.parametrize(
    ("policy", "chosen"),
    [
        (VersionPolicy(), [10]),
        (VersionPolicy(newest=2), [10, 9]),
        (VersionPolicy(newest=9), [10, 9, 2]),
        (VersionPolicy(newest=None), [10, 9, 2]),
        (VersionPolicy(named=frozenset({2, 9, 4})), [9, 2]),
        (VersionPolicy(named=frozenset()), []),
    ],
    ids=["newest", "two", "more than there are", "all", "named", "none"],
)
def test_a_policy_chooses_newest_first(
    policy: VersionPolicy, chosen: list[int]
) -> None:
    assert policy.choose([9, 2, 10]) == chosen


def test_only_named_versions_can_be_missing() -> None:
    assert VersionPolicy(named=frozenset({7, 2, 4})).missing([2, 9]) == [4, 7]
    assert VersionPolicy(newest=3).missing([2]) == []
