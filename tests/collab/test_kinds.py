"""Every kind of expression has one combinator, which says all that there is to say about it."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

import agentnet.collab
from agentnet.collab.base import Combinator
from agentnet.collab.binding import Binder, replace
from agentnet.collab.budget import Budget
from agentnet.collab.combinators import agents_of, children, combinator_of, needs
from agentnet.collab.context import RunContext
from agentnet.collab.graph_builder import GraphBuilder, cumulative
from agentnet.collab.state import initial_state
from agentnet.contracts.bodies import Task
from agentnet.contracts.limits import Limits
from agentnet.contracts.protocols import COMBINATORS, Expression
from agentnet.contracts.tagged import TaggedModel
from agentnet.coordinator.compiled import compile_expression, with_defaults
from tests.scripted import agent, network, roles, says, spec

MODULES = sorted(path.stem for path in Path(agentnet.collab.__path__[0]).glob("*.py"))

WEB = network(
    agent("ada", says("1")),
    agent("ben", says("1")),
    agent("cyd", says("1"), roles=["planner", "verifier"]),
    agent("dot", says("1"), roles=["judge", "aggregator"]),
)

EXAMPLES: dict[str, Any] = {
    "ask": "ada",
    "serial": {"serial": ["ada", {"parallel": {"branches": ["ben", "cyd"], "decide": "all"}}, "dot"]},
    "parallel": {"parallel": {"branches": ["ada", "ben"], "decide": "judge"}},
    "debate": {"debate": {"members": ["ada", "ben"], "decide": {"synthesize": "dot"}}},
    "delegate": {"delegate": {"merge": "synthesize"}},
    "verify": {"verify": {"proposer": "@solver"}},
    "fuse": {"fuse": ["@solver"]},
    "cascade": {"cascade": ["@solver", "dot"]},
    "best": {"best": ["ada", {"serial": ["ben", "dot"]}]},
    "route": {"route": {"members": ["@solver", "dot"], "judges": {"ada": ["ben"], "ben": ["dot"]}}},
    "auto": {
        "auto": {
            "among": ["ada", "ben"],
            "systems": [{"name": "split", "protocol": {"delegate": {}}}],
            "cases": [{"label": "math", "use": "split"}],
        }
    },
}
NAMED = {
    "ask": "ada",
    "serial": "ada ben cyd dot",
    "parallel": "dot ada ben",
    "debate": "dot ada ben",
    "delegate": "cyd dot ada ben",
    "verify": "cyd ada",
    "fuse": "ada ben",
    "cascade": "ada ben dot",
    "best": "ada ben dot",
    "route": "ben dot ada",
    "auto": "cyd ada ben",
}


def bound(kind: str) -> Expression:
    return Binder(WEB.spec).bind(spec(EXAMPLES[kind]).protocol)


@pytest.mark.parametrize(("kind", "model"), COMBINATORS.items())
def test_a_kind_has_a_combinator_in_the_module_of_its_name(kind: str, model: type[TaggedModel]) -> None:
    combinator = import_module(f"agentnet.collab.{kind}").COMBINATOR
    assert isinstance(combinator, Combinator)
    (base,) = type(combinator).__orig_bases__  # type: ignore[attr-defined]
    assert get_args(base) == (model,)


def test_a_combinator_has_a_kind() -> None:
    having = [name for name in MODULES if hasattr(import_module(f"agentnet.collab.{name}"), "COMBINATOR")]
    assert sorted(having) == sorted(COMBINATORS)


@pytest.mark.parametrize("kind", COMBINATORS)
def test_a_combinator_tells_every_agent_and_binds_every_selector(kind: str) -> None:
    expression = bound(kind)
    assert " ".join(agents_of(expression)) == NAMED[kind]
    assert "@" not in str(with_defaults(expression))
    assert all(need.role for need in needs(expression))


@pytest.mark.parametrize("kind", COMBINATORS)
def test_a_combinator_declares_the_nodes_that_it_adds(kind: str) -> None:
    expression = bound(kind)
    nodes = set(compile_expression(expression).get_graph().nodes) - {"__start__", "__end__"}
    own = combinator_of(expression).own_nodes
    assert own <= nodes
    assert len(nodes - own) == len(children(expression)) or kind == "ask"


def test_a_node_that_is_not_declared_is_refused() -> None:
    graph = GraphBuilder("twice", own_nodes=(), compile_part=compile_expression)
    with pytest.raises(AssertionError, match="declare 'decide' in `own_nodes`"):
        graph.node("decide", says)  # type: ignore[arg-type]


def test_what_a_protocol_does_not_use_is_not_loaded() -> None:
    """Without `fuse` nothing of decoding together is imported."""
    code = (
        "import sys; from tests.collab.test_kinds import bound, compile_expression;"
        "compile_expression(bound('debate')); print([m for m in sys.modules if m.startswith('agentnet.fusion')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


class Twice(TaggedModel):
    kind = "twice"
    part: Expression


async def test_the_example_of_the_interface_works(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"::\n\n(.*\n)\n    The recipe", Combinator.__doc__ or "", re.S)
    module = ModuleType("agentnet.collab.twice")
    module.__dict__.update(Combinator=Combinator, Twice=Twice, replace=replace, cumulative=cumulative)
    module.__dict__.update(Binder=Binder, GraphBuilder=GraphBuilder)
    exec(textwrap.dedent(example), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)

    twice: Any = Binder(WEB.spec).bind(Twice(part="@solver"))  # type: ignore[arg-type]
    assert twice.part.agent == "ada"
    assert [need.role for need in needs(twice)] == ["solve", "revise"]
    run = RunContext("r", WEB, 0, Budget(Limits()))
    task = await run.record(Task(text="?"), sender="user", node="task")
    final = await compile_expression(twice).ainvoke(initial_state("twice", task.id), context=run)
    assert [message.node for message in run.get(final["outcome"])] == ["twice/ada-2"]
    assert roles(WEB["ada"]) == ["solve", "revise"]
