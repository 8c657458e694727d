"""The first table on the real zoo: what it claims, on fewer items."""

from __future__ import annotations

import asyncio

import pytest

from agentnet.evals.first_light import Row, first_light
from agentnet.network import Network, find_network

ITEMS = 40


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], Row]:
    async def measured() -> list[Row]:
        spec, base = find_network("zoo")
        async with Network.open(spec, base) as network:
            return await first_light(network, ITEMS)

    return {(row.family, row.system): row for row in asyncio.run(measured())}


def test_delegation_answers_what_no_single_model_can(rows: dict[tuple[str, str], Row]) -> None:
    delegation = rows["compound", "delegation"]
    alone = [row for (family, system), row in rows.items() if family == "compound" and system != "delegation"]
    assert len(alone) >= 6
    assert all(row.accuracy.estimate <= 0.25 for row in alone)
    assert delegation.accuracy.estimate >= 0.75
    assert delegation.gain is not None
    assert delegation.gain.low > 0.3
    assert delegation.calls > 2


def test_the_critic_never_harms_a_proposer_at_math(rows: dict[tuple[str, str], Row]) -> None:
    verified = [row for (family, system), row in rows.items() if family == "math" and system.endswith("+ critic")]
    assert len(verified) >= 2
    for row in verified:
        assert row.gain is not None
        assert row.gain.estimate >= 0
        assert row.calls >= 2


def test_the_best_single_agent_chosen_in_advance_is_in_both_tables(rows: dict[tuple[str, str], Row]) -> None:
    assert rows["math", "best"].accuracy.estimate >= 0.95
    assert ("compound", "best") in rows
