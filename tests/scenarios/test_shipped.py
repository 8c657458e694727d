"""Every scenario that travels with AgentNet: read, bound, and (with the zoo's models) run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from agentnet.collab.combinators import children
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.protocols import COMBINATORS, Expression
from agentnet.files.shipped import shipped_files, shipped_folder
from agentnet.network import find_network
from agentnet.scenarios import find_scenario, run_scenario, shipped_scenarios
from agentnet.session import Session, open_session
from agentnet.zoo.catalog import zoo_cards
from tools import zoo

NAMES = list(shipped_files("scenarios"))
NETWORKS = sorted((shipped_folder("scenarios") / "networks").glob("*.yaml"))
RECIPES = yaml.safe_load((Path(zoo.__file__).parent / "recipes.yaml").read_text(encoding="utf-8"))
needs_zoo = pytest.mark.skipif(not set(RECIPES) <= set(zoo_cards()), reason="the zoo is not complete")


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_is_named_like_its_file_and_described(name: str) -> None:
    spec = shipped_scenarios()[name]
    assert spec.name == name
    assert "\n" not in spec.summary
    assert name in (shipped_folder("scenarios") / "README.md").read_text(encoding="utf-8")


@needs_zoo
def test_together_they_show_every_combinator() -> None:
    shown: set[str] = set()

    def visit(expression: Expression) -> None:
        shown.add(expression.kind)
        for part in children(expression):
            visit(part)

    for name in NAMES:
        visit(find_scenario(name).protocol.protocol)
    assert shown == set(COMBINATORS)


@needs_zoo
@pytest.mark.parametrize("name", NAMES)
async def test_a_shipped_scenario_holds(name: str, session: Session) -> None:
    report = await run_scenario(find_scenario(name), session)
    assert report.held, report.model_dump_json(indent=2)


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_an_example_network_is_valid_and_names_its_roles(path: Path) -> None:
    spec, base = find_network(str(path))
    assert base == path.parent
    assert spec.name == path.stem
    roles = {role for agent in spec.agents for role in agent.card.roles}
    assert {"solver", "verifier", "judge", "planner", "aggregator"} <= roles


@pytest.fixture(scope="module")
def zoo_spec() -> NetworkSpec:
    return find_network("zoo")[0]


@pytest.fixture
async def session(zoo_spec: NetworkSpec) -> AsyncIterator[Session]:
    async with open_session(zoo_spec, remember=False) as opened:
        yield opened
