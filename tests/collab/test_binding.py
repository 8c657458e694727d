"""Binding: selectors become members, and what cannot be bound is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from agentnet.collab.binding import Binder
from agentnet.collab.combinators import agents_of, yields_one
from agentnet.collab.library import shipped_protocols
from agentnet.contracts.bodies import Task
from agentnet.contracts.protocols import Ask, Debate, Delegate, Parallel, Serial
from agentnet.coordinator import Coordinator
from agentnet.errors import ProtocolError
from agentnet.session import open_session
from tests.scripted import agent, from_the_prompt, network, spec, weighs

TASK = Task(text="What is 17 × 23?")
NETWORK = network(
    agent("ada", from_the_prompt),
    agent("ben", from_the_prompt, roles=["solver", "planner", "aggregator"]),
    agent("cyd", from_the_prompt, roles=["solver", "verifier"], scores=weighs(approve=0.5, disapprove=0.5)),
    agent("dot", from_the_prompt, roles=["judge"]),
)


def bind(protocol: Any) -> Any:
    return Binder(NETWORK.spec).bind(spec(protocol).protocol)


def named(*names: str) -> tuple[Ask, ...]:
    return tuple(Ask(agent=name) for name in names)


async def test_every_shipped_protocol_can_be_prepared_for_a_network_with_all_roles() -> None:
    async with open_session("zoo", remember=False) as place:
        for protocol in shipped_protocols().values():
            prepared = place.coordinator.prepare(protocol)
            selectors = [name for name in agents_of(prepared.expression) if name.startswith("@")]
            assert set(selectors) <= {"@best"}


def test_a_role_stands_for_all_who_have_it_in_the_networks_order() -> None:
    assert bind({"parallel": ["@solver"]}).branches == named("ada", "ben", "cyd")
    assert bind({"parallel": ["@solver:2"]}).branches == named("ada", "ben")
    assert bind({"serial": ["@all"]}).steps == named("ada", "ben", "cyd", "dot")
    assert bind({"debate": ["@judge", "ada"]}).members == named("dot", "ada")


def test_where_one_agent_is_expected_a_role_stands_for_the_first() -> None:
    assert bind("@solver") == Ask(agent="ada")
    assert bind({"verify": {"proposer": "@solver", "verifier": "@verifier"}}).verifier == "cyd"
    bound = bind({"delegate": {"merge": "synthesize"}})
    assert isinstance(bound, Delegate)
    assert (bound.planner, bound.merge.agent) == ("ben", "ben")  # type: ignore[union-attr]


def test_roles_and_sampling_go_with_every_selected_agent() -> None:
    bound = bind({"serial": [{"ask": {"agent": "@solver:2", "role": "review"}}]})
    assert bound == Serial(steps=(Ask(agent="ada", role="review"), Ask(agent="ben", role="review")))


def test_the_best_agent_waits_for_the_task() -> None:
    assert bind({"parallel": {"branches": ["@best"], "times": 2}}) == Parallel(branches=named("@best", "@best"))


def test_times_repeats_the_branches() -> None:
    assert bind({"parallel": {"branches": ["ada", "ben"], "times": 2}}).branches == named("ada", "ben", "ada", "ben")


@pytest.mark.parametrize(
    ("protocol", "problem"),
    [
        ("bem", "protocol.agent: no agent 'bem' in network 'scripted', did you mean 'ben'? (members: ada, ben, cyd"),
        ({"serial": ["ada", "eve"]}, "protocol.serial.steps[1].agent: no agent 'eve'"),
        ({"parallel": {"branches": ["ada"], "decide": {"judge": "eve"}}}, "protocol.parallel.decide: no agent 'eve'"),
        ({"verify": {"proposer": "ada", "verifier": "eve"}}, "protocol.verify.verifier: no agent 'eve'"),
        ({"delegate": {"planner": "eve"}}, "protocol.delegate.planner: no agent 'eve'"),
        ({"best": ["ada", {"serial": ["eve"]}]}, "protocol.best.among[1].serial.steps[0].agent: no agent 'eve'"),
        (
            "@poet",
            "protocol.agent: no agent of network 'scripted' has the role 'poet'; name an agent instead, or add the",
        ),
        ({"debate": ["@poet"]}, "protocol.debate.members[0]: no agent"),
        (
            {"parallel": {"branches": ["ada", "ben"], "decide": "all"}},
            "protocol: ends with several answers; give its last `decide` a rule other than `all`",
        ),
        ({"serial": ["ada", {"parallel": {"branches": ["ben"], "decide": "all"}}]}, "protocol: ends with several"),
        (
            {"debate": ["ada", {"parallel": {"branches": ["ben"], "decide": "all"}}]},
            "protocol.debate.members[1]: must give one answer, but its `decide` is `all`",
        ),
        (
            {"verify": {"proposer": {"parallel": {"branches": ["ben"], "decide": "all"}}, "verifier": "ada"}},
            "protocol.verify.proposer[0]: must give one answer",
        ),
        (
            {"delegate": {"workers": [{"parallel": {"branches": ["ben"], "decide": "all"}}]}},
            "protocol.delegate.workers[0]: must give one answer",
        ),
    ],
)
def test_what_cannot_be_bound_is_refused_with_its_place(protocol: Any, problem: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        bind(protocol)
    assert problem in str(caught.value)


def test_several_answers_inside_are_fine_where_one_comes_out() -> None:
    layers = {"serial": [{"parallel": {"branches": ["@solver"], "decide": "all"}}, "ben"]}
    assert yields_one(bind(layers))


@pytest.mark.parametrize(
    "names",
    [
        ["task", "visible", "round", "branch", "outputs", "answers", "history", "outcome", "done", "scope"],
        ["decide", "decode", "plan", "merge", "dispatch", "assign", "conclude", "choose", "verifier"],
        ["a", "a", "a-1", "a-2"],
        ["serial", "ask", "debate"],
    ],
)
async def test_agents_may_be_called_anything(names: list[str]) -> None:
    """Names of graph nodes and of places in the state are no trap."""
    web = network(*(agent(name, from_the_prompt) for name in dict.fromkeys(names)))
    expressions = [
        {"serial": names},
        {"parallel": [*names, {"serial": [names[0]]}]},
        {"debate": {"members": names, "stop": "never"}},
        {"verify": {"proposer": names[0], "verifier": names[-1]}},
        {"delegate": {"planner": names[0], "workers": names}},
        {"best": names},
    ]
    for expression in expressions:
        outcome = await Coordinator(web).run(TASK, spec(expression))
        assert outcome.status == "done", (expression, outcome.detail)


def test_a_debate_of_one_member_is_a_debate() -> None:
    assert bind({"debate": ["ada"]}) == Debate(members=named("ada"))
