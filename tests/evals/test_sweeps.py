"""Sweeps: which systems an experiment consists of."""

from __future__ import annotations

import pytest

from agentnet.errors import BadInput
from agentnet.evals.suite import Sweep
from agentnet.evals.sweeps import swept, together

MEMBERS = ["ann", "bob", "cal"]


def names(**settings: object) -> list[str]:
    return [system.name for system in swept(Sweep.model_validate(settings), MEMBERS)]


def test_paths_are_all_orders_of_a_chain_and_all_pairs_before_or_behind_the_group() -> None:
    found = swept(Sweep(sweep="paths"), MEMBERS)
    assert [sum(system.group == shape for system in found) for shape in ("serial", "parallel", "s2p", "p2s")] == [
        6,
        1,
        6,
        6,
    ]
    assert "serial cal → ann → bob" in names(sweep="paths")
    s2p = next(system for system in found if system.name == "s2p bob → cal")
    assert s2p.protocol.model_dump(mode="json")["protocol"] == {
        "serial": {"steps": [{"serial": {"steps": ["bob", "cal"]}}, {"parallel": {"branches": MEMBERS}}]}
    }
    assert s2p.facts == {"path": ["bob", "cal"]}


def test_every_set_of_members_is_there_once_for_each_way() -> None:
    found = swept(Sweep(sweep="subsets", by=("vote", "pi-bytes")), MEMBERS)
    assert len(found) == 3 + 2 * 4
    assert len({system.name for system in found}) == len(found)


def test_pairs_and_rounds() -> None:
    assert names(sweep="pairs", by=["duetnet"]) == [
        "duetnet of ann + bob",
        "duetnet of ann + cal",
        "duetnet of bob + cal",
    ]
    assert names(sweep="rounds", rounds=[1, 4]) == ["debate, 1 round", "debate, 4 rounds"]


def test_one_member_alone_has_no_group_to_hand_over_to() -> None:
    assert [system.group for system in swept(Sweep(sweep="paths"), ["ann"])] == ["serial", "parallel"]


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(BadInput, match="members cannot answer together by 'telepathy'"):
        together(MEMBERS, "telepathy")
