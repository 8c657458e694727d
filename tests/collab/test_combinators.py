"""What each combinator means: who is asked, what they read, and what comes out."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from agentnet.contracts.bodies import Error, Result, Task, Verdict
from agentnet.contracts.cards import Measured, Price
from agentnet.contracts.events import Event, RunEnded
from agentnet.contracts.messages import Message
from agentnet.coordinator import Coordinator, Outcome
from agentnet.errors import ModelUnavailable
from agentnet.models.base import Request
from agentnet.network import Network
from tests.scripted import (
    Script,
    agent,
    choice,
    kinds,
    network,
    plan,
    prompts,
    requests,
    roles,
    says,
    scored,
    spec,
    verdict,
    weighs,
)

TASK = Task(text="What is 17 × 23?")


async def run(web: Network, protocol: Any, task: Task = TASK, **options: Any) -> Outcome:
    return await Coordinator(web).run(task, spec(protocol), **options)


def last(outcome: Outcome) -> Message:
    return outcome.messages[-1]


def result(outcome: Outcome) -> Result:
    body = last(outcome).body
    assert isinstance(body, Result)
    return body


def transcript(prompt: str) -> list[str]:
    """What a prompt of the compact pack shows between the task and the role."""
    return [line.partition(": ")[2] for line in prompt.splitlines()[1:-1]]


def fails(_: Request) -> str:
    raise ModelUnavailable("the server is down")


def together(count: int, reply: Script) -> Script:
    """Answers only once `count` calls are being answered at the same time."""
    barrier = asyncio.Barrier(count)

    async def script(request: Request) -> str:
        async with asyncio.timeout(30):
            await barrier.wait()
        said = reply(request)
        return said if isinstance(said, str) else await said

    return script


# ask


async def test_one_agent_solves_alone() -> None:
    ada = agent("ada", says("17 × 23 => 391"))
    outcome = await run(network(ada), "ada")
    assert (outcome.status, outcome.answer) == ("done", "391")
    assert roles(ada) == ["solve"]
    assert kinds(outcome.messages) == ["task", "proposal"]
    assert outcome.usage.calls == 1


async def test_a_run_whose_only_agent_fails_has_failed() -> None:
    outcome = await run(network(agent("ada", fails)), "ada")
    assert (outcome.status, outcome.answer, outcome.detail) == ("failed", None, "the server is down")


async def test_a_run_that_ends_with_a_refusal_has_failed() -> None:
    outcome = await run(network(agent("ada", says("REFUSE: unsafe"))), "ada")
    assert (outcome.status, outcome.detail) == ("failed", "ada gave no answer but a refusal")


# serial


async def test_each_step_reads_what_the_step_before_it_said() -> None:
    ada, ben, cyd = agent("ada", says("1")), agent("ben", says("2")), agent("cyd", says("3"))
    outcome = await run(network(ada, ben, cyd), {"serial": ["ada", "ben", "cyd"]})
    assert outcome.answer == "3"
    assert [transcript(member) for member in prompts(ada) + prompts(ben) + prompts(cyd)] == [[], ["1"], ["2"]]
    assert roles(ada) + roles(ben) + roles(cyd) == ["solve", "revise", "revise"]


async def test_a_step_can_read_everything_before_it() -> None:
    ada, ben, cyd = agent("ada", says("1")), agent("ben", says("2")), agent("cyd", says("3"))
    await run(network(ada, ben, cyd), {"serial": {"steps": ["ada", "ben", "cyd"], "see": "all"}})
    assert transcript(prompts(cyd)[0]) == ["1", "2"]


@pytest.mark.parametrize("see", ["last", "all"])
async def test_a_step_that_fails_is_passed_over(see: str) -> None:
    ada, ben, cyd = agent("ada", says("1")), agent("ben", fails), agent("cyd", says("3"))
    outcome = await run(network(ada, ben, cyd), {"serial": {"steps": ["ada", "ben", "cyd"], "see": see}})
    assert outcome.answer == "3"
    assert transcript(prompts(cyd)[0]) == ["1"]


async def test_where_the_last_step_fails_what_stood_before_it_is_the_answer() -> None:
    outcome = await run(network(agent("ada", says("1")), agent("ben", fails)), {"serial": ["ada", "ben"]})
    assert (outcome.status, outcome.answer) == ("done", "1")


async def test_after_a_failed_first_step_the_second_solves() -> None:
    ben = agent("ben", says("2"))
    outcome = await run(network(agent("ada", fails), ben), {"serial": ["ada", "ben"]})
    assert outcome.answer == "2"
    assert roles(ben) == ["solve"]


async def test_a_critique_is_read_together_with_what_it_criticises() -> None:
    ada = agent("ada", says("working\nAnswer: 1"), pack="instruct")
    ben = agent("ben", says("the second line is wrong"), pack="instruct")
    cyd = agent("cyd", says("Answer: 3"), pack="instruct")
    protocol = {"serial": ["ada", {"ask": {"agent": "ben", "role": "critique"}}, "cyd"]}
    outcome = await run(network(ada, ben, cyd), protocol)
    assert outcome.answer == "3"
    prompt = prompts(cyd)[0]
    assert prompt.index("working") < prompt.index("the second line is wrong")
    assert last(outcome).reply_to == tuple(message.id for message in outcome.messages[:3])


async def test_a_critique_at_the_end_leaves_the_answer_as_it_is() -> None:
    web = network(agent("ada", says("1")), agent("ben", says("it is fine"), pack="instruct"))
    outcome = await run(web, {"serial": ["ada", {"ask": {"agent": "ben", "role": "critique"}}]})
    assert (outcome.status, outcome.answer) == ("done", "1")


async def test_where_the_aggregator_fails_the_majority_of_what_it_was_to_read_is_the_answer() -> None:
    web = network(agent("ada", says("1")), agent("ben", says("2")), agent("cyd", says("2")), agent("dot", fails))
    layer = {"parallel": {"branches": ["ada", "ben", "cyd"], "decide": "all"}}
    outcome = await run(web, {"serial": [layer, {"ask": {"agent": "dot", "role": "synthesize"}}]})
    assert (outcome.status, outcome.answer) == ("done", "2")


# parallel


async def test_branches_run_at_the_same_time_and_do_not_see_each_other() -> None:
    meet = together(3, says("2"))
    members = [agent(name, meet) for name in ("ada", "ben", "cyd")]
    outcome = await run(network(*members), {"parallel": ["ada", "ben", "cyd"]})
    assert outcome.answer == "2"
    assert [transcript(prompt) for member in members for prompt in prompts(member)] == [[], [], []]


async def test_repeated_branches_draw_with_different_seeds() -> None:
    ada = agent("ada", says("1"))
    await run(network(ada), {"parallel": {"branches": ["ada"], "times": 4}})
    assert len({request.sampling.seed for request in requests(ada)}) == 4


async def test_the_majority_wins_and_the_first_of_equals() -> None:
    web = network(*(agent(name, says(reply)) for name, reply in zip("abcd", ["1", "2.0", " 2 ", "1"], strict=True)))
    tied = await run(web, {"parallel": ["a", "b", "c", "d"]})
    assert tied.answer == "1"
    assert result(tied).support == {"1": 2, "2.0": 2}
    most = await run(web, {"parallel": ["a", "b", "c"]})
    assert most.answer == "2.0"
    assert len(result(most).sources) == 2


async def test_who_fails_has_no_vote() -> None:
    web = network(agent("ada", fails), agent("ben", says("3")), agent("cyd", says("3")))
    assert (await run(web, {"parallel": ["ada", "ben", "cyd"]})).answer == "3"


@pytest.mark.parametrize("decide", ["majority", "weighted", "confidence"])
async def test_fewer_than_half_of_the_members_decide_nothing(decide: str) -> None:
    web = network(agent("ada", fails), agent("ben", says("REFUSE: no")), agent("cyd", says("3")))
    outcome = await run(web, {"parallel": {"branches": ["ada", "ben", "cyd"], "decide": decide}})
    assert (outcome.status, outcome.answer) == ("failed", None)
    assert outcome.detail == (
        "only 1 of 3 members answered, fewer than half; ada: the server is down (with `quorum_of: answered`, those "
        "that answered decide)"
    )
    lone = {"parallel": {"branches": ["ada", "ben", "cyd"], "decide": decide, "quorum_of": "answered"}}
    assert (await run(web, lone)).answer == "3"


async def test_one_voice_among_silent_members_is_no_consensus() -> None:
    web = network(agent("ada", fails), agent("ben", fails), agent("cyd", says("3")))
    outcome = await run(web, {"debate": {"members": ["ada", "ben", "cyd"], "rounds": 2}})
    assert (outcome.answer, outcome.usage.calls) == (None, 2)
    lone = await run(web, {"debate": {"members": ["ada", "ben", "cyd"], "rounds": 2, "quorum_of": "answered"}})
    assert (lone.answer, lone.usage.calls) == ("3", 1)


async def test_where_nobody_answers_the_run_fails_and_says_why() -> None:
    outcome = await run(network(agent("ada", fails), agent("ben", fails)), {"parallel": ["ada", "ben"]})
    assert (outcome.status, outcome.detail) == ("failed", "no agent answered: the server is down")
    assert isinstance(last(outcome).body, Error)


async def test_the_first_rule_takes_the_first_who_answered() -> None:
    web = network(agent("ada", fails), agent("ben", says("2")), agent("cyd", says("3")))
    assert (await run(web, {"parallel": {"branches": ["ada", "ben", "cyd"], "decide": "first"}})).answer == "2"


async def test_a_vote_can_be_weighted_by_the_cards() -> None:
    web = network(
        agent("ada", says("1"), measured={"math": Measured(accuracy=0.9, items=1000)}),
        agent("ben", says("2"), measured={"math": Measured(accuracy=0.3, items=1000)}),
        agent("cyd", says("2"), claims={"math": 1.0}),
    )
    task = Task(text="?", label="math")
    outcome = await run(web, {"parallel": {"branches": ["@solver"], "decide": "weighted"}}, task)
    assert outcome.answer == "1"
    assert result(outcome).support == pytest.approx({"1": 0.9, "2": 2 * 0.3}, abs=0.05)


async def test_claims_weigh_nothing_in_a_vote() -> None:
    web = network(
        agent("ada", says("1"), claims={"math": 1.0}), agent("ben", says("2")), agent("cyd", says("2"), claims={"x": 0})
    )
    vote = {"parallel": {"branches": ["@solver"], "decide": "weighted"}}
    assert (await run(web, vote, Task(text="?", label="math"))).answer == "2"


async def test_of_equally_confident_answers_the_first_wins() -> None:
    web = network(agent("ada", says("1")), agent("ben", says("2")))
    outcome = await run(web, {"parallel": {"branches": ["@solver"], "decide": "confidence"}})
    assert outcome.answer == "1"
    assert all(message.confidence is not None for message in outcome.messages if message.sender in ("ada", "ben"))
    assert result(outcome).support.keys() == {"ada", "ben"}


async def test_confidence_is_only_measured_where_it_counts() -> None:
    ada = agent("ada", says("1"))
    await run(network(ada), {"parallel": ["ada"]})
    await run(network(ada), {"parallel": {"branches": [{"serial": ["ada"]}], "decide": "confidence"}})
    assert [request.logprobs for request in requests(ada)] == [False, True]


async def test_the_judge_chooses_by_letter() -> None:
    dot = agent("dot", says(choice("B")), roles=["judge"])
    web = network(agent("ada", fails), agent("ben", says("2")), agent("cyd", says("3")), dot)
    outcome = await run(web, {"parallel": {"branches": ["@solver"], "decide": "judge"}})
    assert outcome.answer == "3"
    assert result(outcome).decision == "judged by dot"
    assert transcript(prompts(dot)[0]) == ["2", "3"]


@pytest.mark.parametrize("reply", [says(choice("Z")), says("I like B"), fails])
async def test_without_the_judges_vote_the_majority_decides(reply: Script) -> None:
    web = network(
        agent("ada", says("1")), agent("ben", says("2")), agent("cyd", says("2")), agent("dot", reply, roles=["judge"])
    )
    outcome = await run(web, {"parallel": {"branches": ["@solver"], "decide": "judge"}})
    assert outcome.answer == "2"
    assert result(outcome).decision == "majority, since the judge's vote is missing"


JUDGED_BY_SCORE = {"parallel": {"branches": ["@solver"], "decide": {"judge": {"by": "score"}}}}


async def test_the_judges_choice_can_be_scored() -> None:
    dot = agent("dot", fails, roles=["judge"], scores=weighs(A=0.1, B=0.3))
    web = network(agent("ada", fails), agent("ben", says("2")), agent("cyd", says("3")), dot)
    outcome = await run(web, JUDGED_BY_SCORE)
    assert (outcome.answer, result(outcome).decision) == ("3", "judged by dot")
    vote = outcome.messages[-2]
    assert vote.body.kind == "vote"
    assert vote.confidence == pytest.approx(0.75)
    ((request, replies),) = scored(dot)
    assert transcript(request.messages[0]["content"]) == ["2", "3"]
    assert replies == ('{"choice":"A"}', '{"choice":"B"}')
    assert requests(dot) == []


async def test_without_the_judges_scores_the_majority_decides() -> None:
    def down(request: Request, _: str) -> float:
        raise ModelUnavailable("the server is down")

    dot = agent("dot", says(choice("A")), roles=["judge"], scores=down)
    web = network(agent("ada", says("1")), agent("ben", says("2")), agent("cyd", says("2")), dot)
    outcome = await run(web, JUDGED_BY_SCORE)
    assert (outcome.answer, result(outcome).decision) == ("2", "majority, since the judge's vote is missing")


async def test_an_aggregator_can_write_the_answer() -> None:
    dot = agent("dot", says("both => 12"), roles=["aggregator"])
    web = network(agent("ada", says("1")), agent("ben", says("2")), dot)
    protocol = {"parallel": {"branches": ["@solver"], "decide": "synthesize"}}
    outcome = await run(web, protocol)
    assert outcome.answer == "12"
    assert last(outcome).body.kind == "synthesis"
    assert transcript(prompts(dot)[0]) == ["1", "2"]


async def test_without_the_synthesis_the_majority_decides() -> None:
    web = network(agent("ada", says("1")), agent("ben", says("1")), agent("dot", fails, roles=["aggregator"]))
    outcome = await run(web, {"parallel": {"branches": ["@solver"], "decide": "synthesize"}})
    assert (outcome.answer, result(outcome).decision) == ("1", "majority, since the synthesis is missing")


# debate


@pytest.mark.parametrize(
    ("see", "read"),
    [
        ("all", {"ada": ["1", "2", "3"], "ben": ["1", "2", "3"], "cyd": ["1", "2", "3"]}),
        ("others", {"ada": ["2", "3"], "ben": ["1", "3"], "cyd": ["1", "2"]}),
        ("next", {"ada": ["2"], "ben": ["3"], "cyd": ["1"]}),
    ],
)
async def test_whom_a_member_reads(see: str, read: dict[str, list[str]]) -> None:
    members = [agent(name, says(reply)) for name, reply in [("ada", "1"), ("ben", "2"), ("cyd", "3")]]
    protocol = {"debate": {"members": ["ada", "ben", "cyd"], "rounds": 2, "see": see}}
    await run(network(*members), protocol)
    assert {member.name: transcript(prompts(member)[1]) for member in members} == read
    assert all(roles(member) == ["solve", "revise"] for member in members)


async def test_members_read_only_the_last_round() -> None:
    ada, ben = agent("ada", says("1", "2", "3")), agent("ben", says("4", "5", "6"))
    await run(network(ada, ben), {"debate": {"members": ["ada", "ben"], "rounds": 3}})
    assert transcript(prompts(ada)[2]) == ["2", "5"]


async def test_a_debate_stops_when_all_agree() -> None:
    ada, ben = agent("ada", says("1", "2", "9")), agent("ben", says("2"))
    outcome = await run(network(ada, ben), {"debate": {"members": ["ada", "ben"], "rounds": 5}})
    assert outcome.answer == "2"
    assert len(requests(ada)) == len(requests(ben)) == 2


async def test_a_debate_can_go_on_in_spite_of_agreement() -> None:
    ada, ben = agent("ada", says("2")), agent("ben", says("2"))
    await run(network(ada, ben), {"debate": {"members": ["ada", "ben"], "rounds": 3, "stop": "never"}})
    assert len(requests(ada)) == 3


async def test_a_quorum_is_enough() -> None:
    members = [agent(name, says(reply)) for name, reply in [("ada", "1"), ("ben", "2"), ("cyd", "2")]]
    outcome = await run(network(*members), {"debate": {"members": ["@solver"], "quorum": 0.6}})
    assert outcome.answer == "2"
    assert len(requests(members[0])) == 1


async def test_who_fails_in_one_round_may_speak_in_the_next() -> None:
    def moody(request: Request) -> str:
        return fails(request) if len(requests(ada)) == 1 else "2"

    ada, ben, cyd = agent("ada", moody), agent("ben", says("1")), agent("cyd", says("2"))
    outcome = await run(network(ada, ben, cyd), {"debate": {"members": ["@solver"], "rounds": 2}})
    assert transcript(prompts(ben)[1]) == ["1", "2"]
    assert outcome.answer == "2"
    assert len(result(outcome).sources) == 2


async def test_the_last_answer_of_who_fails_later_still_counts() -> None:
    def once(request: Request) -> str:
        return "2" if len(requests(ada)) == 1 else fails(request)

    ada, ben, cyd = agent("ada", once), agent("ben", says("1")), agent("cyd", says("2"))
    protocol = {"debate": {"members": ["@solver"], "rounds": 2, "stop": "never"}}
    outcome = await run(network(ada, ben, cyd), protocol)
    assert (outcome.answer, result(outcome).support) == ("2", {"2": 2, "1": 1})


async def test_a_member_whose_neighbour_failed_solves_again() -> None:
    ada, ben = agent("ada", says("1")), agent("ben", fails)
    await run(network(ada, ben), {"debate": {"members": ["ada", "ben"], "rounds": 2, "see": "next", "stop": "never"}})
    assert roles(ada) == ["solve", "solve"]


async def test_a_debate_in_which_nobody_answers_is_over() -> None:
    ada = agent("ada", fails)
    outcome = await run(network(ada), {"debate": {"members": ["ada"], "rounds": 5}})
    assert outcome.status == "failed"
    assert len(requests(ada)) == 1


# verify


async def test_an_approved_answer_is_the_answer() -> None:
    ada, ver = agent("ada", says("391")), agent("ver", says(verdict("approve")))
    outcome = await run(network(ada, ver), {"verify": {"proposer": "ada", "verifier": "ver"}})
    assert (outcome.answer, result(outcome).decision) == ("391", "approved")
    assert transcript(prompts(ver)[0]) == ["391"]


async def test_a_verdict_is_fed_back_until_the_answer_is_approved() -> None:
    ada = agent("ada", says("1", "2", "3"))
    ver = agent("ver", says(verdict("disapprove", "too small => 9"), verdict("disapprove"), verdict("approve")))
    outcome = await run(network(ada, ver), {"verify": {"proposer": "ada", "verifier": "ver", "retries": 5}})
    assert outcome.answer == "3"
    assert transcript(prompts(ada)[1]) == ["1", "disapprove 9"]
    assert roles(ada) == ["solve", "revise", "revise"]
    assert [transcript(prompt) for prompt in prompts(ver)] == [["1"], ["2"], ["3"]]


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_retries_are_bounded(retries: int) -> None:
    ada, ver = agent("ada", says("1")), agent("ver", says(verdict("disapprove")))
    outcome = await run(network(ada, ver), {"verify": {"proposer": "ada", "verifier": "ver", "retries": retries}})
    assert (outcome.status, outcome.answer) == ("done", "1")
    assert result(outcome).decision == "not approved, retries used up"
    assert len(requests(ada)) == len(requests(ver)) == retries + 1


@pytest.mark.parametrize("reply", [says("approve"), says('{"verdict": "APPROVE"}'), says("{}"), fails])
async def test_a_missing_verdict_is_never_an_approval(reply: Script) -> None:
    ada = agent("ada", says("1"))
    outcome = await run(network(ada, agent("ver", reply)), {"verify": {"proposer": "ada", "verifier": "ver"}})
    assert outcome.answer == "1"
    assert result(outcome).decision == "unverified: the verdict is missing"
    assert len(requests(ada)) == 1


def by_score(approve: float, disapprove: float, **options: Any) -> Any:
    return agent("ver", fails, roles=["verifier"], scores=weighs(approve=approve, disapprove=disapprove), **options)


async def test_a_verdict_can_be_scored() -> None:
    ver = by_score(0.6, 0.2, price=Price(prompt=1e6, completion=1e6))
    protocol = {"verify": {"proposer": "ada", "by": "score"}}
    outcome = await run(network(agent("ada", says("391")), ver), protocol)
    assert (outcome.answer, result(outcome).decision) == ("391", "approved")
    assert kinds(outcome.messages) == ["task", "proposal", "verdict", "result"]
    found = outcome.messages[2]
    assert found.body == Verdict(verdict="approve", target=outcome.messages[1].id)
    assert found.confidence == pytest.approx(0.75)
    assert (found.usage.calls, found.usage.cost) == (1, found.usage.tokens)
    ((request, replies),) = scored(ver)
    assert transcript(request.messages[0]["content"]) == ["391"]
    assert sorted(replies) == ['{"verdict":"approve"}', '{"verdict":"disapprove"}']
    assert requests(ver) == []


async def test_a_scored_disapproval_is_fed_back() -> None:
    def grows(request: Request, reply: str) -> float:
        return weighs(approve=0.5, disapprove=0.4 if "A: 2" in request.messages[0]["content"] else 0.6)(request, reply)

    ada, ver = agent("ada", says("1", "2")), agent("ver", fails, scores=grows)
    outcome = await run(network(ada, ver), {"verify": {"proposer": "ada", "verifier": "ver", "by": "score"}})
    assert (outcome.answer, result(outcome).decision) == ("2", "approved")
    assert transcript(prompts(ada)[1]) == ["1", "disapprove "]


async def test_a_verdict_that_is_as_likely_as_not_is_no_approval() -> None:
    protocol = {"verify": {"proposer": "ada", "retries": 0, "by": "score"}}
    outcome = await run(network(agent("ada", says("1")), by_score(0.5, 0.5)), protocol)
    assert result(outcome).decision == "not approved, retries used up"
    assert outcome.messages[2].confidence == 0.5


async def test_scores_that_are_none_are_a_missing_verdict() -> None:
    ver = agent("ver", says(verdict("approve")), roles=["verifier"], scores=lambda request, reply: -math.inf)
    outcome = await run(network(agent("ada", says("1")), ver), {"verify": {"proposer": "ada", "by": "score"}})
    assert result(outcome).decision == "unverified: the verdict is missing"
    missing = outcome.messages[2]
    assert isinstance(missing.body, Error)
    assert (missing.body.code, missing.confidence, missing.usage.calls) == ("reply", None, 1)


async def test_a_proposal_that_failed_is_tried_again() -> None:
    def moody(request: Request) -> str:
        return fails(request) if len(requests(ada)) == 1 else "2"

    ada, ver = agent("ada", moody), agent("ver", says(verdict("approve")))
    outcome = await run(network(ada, ver), {"verify": {"proposer": "ada", "verifier": "ver"}})
    assert outcome.answer == "2"
    assert len(requests(ver)) == 1


async def test_a_proposer_that_always_fails_fails_the_run() -> None:
    ada = agent("ada", fails)
    protocol = {"verify": {"proposer": "ada", "verifier": "ver", "retries": 2}}
    outcome = await run(network(ada, agent("ver", says(verdict("approve")))), protocol)
    assert (outcome.status, outcome.detail) == ("failed", "the server is down")
    assert len(requests(ada)) == 3


# delegate


async def test_a_plan_is_carried_out_by_those_who_fit() -> None:
    pam = agent("pam", says(plan(("math", "2 + 2?"), ("code", "print #1"))), roles=["planner"])
    ada = agent("ada", says("4"), claims={"math": 0.9, "code": 0.1})
    ben = agent("ben", says("four"), claims={"math": 0.2, "code": 0.8})
    outcome = await run(network(pam, ada, ben), {"delegate": {}})
    assert outcome.answer == "four"
    assert prompts(ada) == ["2 + 2?\nsolve"]
    assert prompts(ben) == ["print 4\nsolve"]
    assert kinds(outcome.messages) == ["task", "plan", "assignment", "proposal", "assignment", "proposal", "result"]
    schema = requests(pam)[0].schema
    assert schema is not None
    assert schema["properties"]["steps"]["items"]["properties"]["label"]["enum"] == ["code", "math"]


async def test_independent_steps_run_side_by_side() -> None:
    steps = plan(("a", "one?"), ("b", "two?"), ("c", "three?"), ("a", "#1 #2 #3"))
    meet = together(3, says("x"))

    def worker(request: Request) -> Any:
        return "x x x" if "x x x" in request.messages[0]["content"] else meet(request)

    members = [agent(name, worker, claims={label: 1}) for name, label in zip("abc", "abc", strict=True)]
    pam = agent("pam", says(steps), roles=["planner"])
    assert (await run(network(pam, *members), {"delegate": {}})).answer == "x x x"


async def test_one_worker_can_do_several_steps_at_once() -> None:
    pam = agent("pam", says(plan(("a", "one?"), ("a", "two?"))), roles=["planner"])
    assert (await run(network(pam, agent("ada", together(2, says("x")))), {"delegate": {}})).answer == "x"


async def test_a_step_that_fails_goes_to_the_next_best() -> None:
    pam = agent("pam", says(plan(("math", "2 + 2?"))), roles=["planner"])
    ada, ben, cyd = (
        agent("ada", says("REFUSE: no"), claims={"math": 0.9}),
        agent("ben", says("5"), claims={"math": 0.1}),
        agent("cyd", fails, claims={"math": 0.5}),
    )
    outcome = await run(network(pam, ada, ben, cyd), {"delegate": {}})
    assert outcome.answer == "5"
    asked = [message.body.agent for message in outcome.messages if message.body.kind == "assignment"]
    assert asked == ["ada", "cyd", "ben"]


async def test_a_step_that_nobody_can_do_fails_the_run() -> None:
    pam = agent("pam", says(plan(("math", "2 + 2?"), ("math", "#1 + 1?"))), roles=["planner"])
    ada, ben = agent("ada", fails), agent("ben", fails)
    outcome = await run(network(pam, ada, ben), {"delegate": {}})
    assert outcome.status == "failed"
    assert outcome.detail == "no worker answered step 1 (math): 2 + 2?"
    assert len(requests(ada)) == len(requests(ben)) == 1


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (plan(("a", "#2"), ("a", "#1")), "wait for each other in a cycle"),
        (plan(*[("a", "x")] * 9), "9 steps, at most 8"),
        ("first we add", "not JSON"),
        ("{}", "not a list of steps"),
    ],
)
async def test_without_a_usable_plan_the_run_fails_and_says_why(reply: str, detail: str) -> None:
    web = network(agent("pam", says(reply), roles=["planner"]), agent("ada", says("1")))
    outcome = await run(web, {"delegate": {}})
    assert outcome.status == "failed"
    assert detail in outcome.detail


async def test_the_answers_of_all_steps_can_be_merged() -> None:
    pam = agent("pam", says(plan(("a", "one?"), ("a", "two?"))), roles=["planner"])
    agg = agent("agg", says("=> all"), roles=["aggregator"])
    outcome = await run(network(pam, agg, agent("ada", says("1", "2"))), {"delegate": {"merge": "synthesize"}})
    assert outcome.answer == "all"
    assert sorted(transcript(prompts(agg)[0])) == ["1", "2"]


async def test_without_the_merge_the_last_step_is_the_answer() -> None:
    pam = agent("pam", says(plan(("a", "one?"), ("a", "#1 two?"))), roles=["planner"])
    web = network(pam, agent("agg", fails, roles=["aggregator"]), agent("ada", says("1", "2")))
    assert (await run(web, {"delegate": {"merge": "synthesize"}})).answer == "2"


async def test_a_long_plan_with_failures_stays_within_the_steps_of_its_graph() -> None:
    steps = [("a", f"#{place} more" if place else "start") for place in range(8)]
    workers = [agent(f"w{place}", fails, claims={"a": 1 - place / 10}) for place in range(3)]
    web = network(agent("pam", says(plan(*steps)), roles=["planner"]), *workers, agent("ada", says("1")))
    outcome = await run(web, {"delegate": {}})
    assert (outcome.status, outcome.answer) == ("done", "1")


# best


async def test_the_best_card_for_the_label_is_asked() -> None:
    ada = agent("ada", says("1"), claims={"math": 0.9, "code": 0.1})
    ben = agent("ben", says("2"), claims={"math": 0.2, "code": 0.8})
    for label, answer in [("math", "1"), ("code", "2"), ("law", "1"), (None, "1")]:
        for protocol in ({"best": {}}, "@best"):
            outcome = await run(network(ada, ben), protocol, Task(text="?", label=label))
            assert outcome.answer == answer
            assert outcome.usage.calls == 1


# nested in each other

LEAVES: dict[str, Any] = {
    "ask": "ada",
    "serial": {"serial": ["ada", "ben"]},
    "parallel": {"parallel": ["ada", "ben", "cyd"]},
    "debate": {"debate": {"members": ["ada", "ben"], "rounds": 2, "stop": "never"}},
    "verify": {"verify": {"proposer": "ada", "verifier": "ver", "retries": 1}},
    "delegate": {"delegate": {"planner": "pam", "workers": ["ada", "ben"]}},
    "best": {"best": ["ada", "ben"]},
}
OUTER: dict[str, Any] = {
    "serial": lambda inner: {"serial": [inner, inner]},
    "parallel": lambda inner: {"parallel": [inner, "ben", inner]},
    "debate": lambda inner: {"debate": {"members": [inner, "cyd"], "rounds": 2, "stop": "never"}},
    "verify": lambda inner: {"verify": {"proposer": inner, "verifier": "ver", "retries": 1}},
    "delegate": lambda inner: {"delegate": {"planner": "pam", "workers": [inner, "cyd"]}},
    "best": lambda inner: {"best": [inner, "cyd"]},
}


@pytest.mark.parametrize("inner", LEAVES)
@pytest.mark.parametrize("outer", OUTER)
async def test_every_combinator_can_be_nested_in_every_other(outer: str, inner: str) -> None:
    web = network(
        agent("ada", says("1"), claims={"math": 0.9}),
        agent("ben", says("1")),
        agent("cyd", says("1")),
        agent("ver", says(verdict("disapprove")), roles=["verifier"]),
        agent("pam", says(plan(("math", "a?"), ("math", "b?"), ("math", "#1 #2"))), roles=["planner"]),
    )
    outcome = await run(web, OUTER[outer](LEAVES[inner]))
    assert (outcome.status, outcome.answer) == ("done", "1")
    assert [message.sequence for message in outcome.messages] == list(range(len(outcome.messages)))
    said = {message.id for message in outcome.messages}
    assert all(set(message.reply_to) <= said for message in outcome.messages)


async def test_a_nested_debate_reads_the_verdict_that_its_answer_got() -> None:
    ada, ben = agent("ada", says("1", "2")), agent("ben", says("1", "2"))
    ver = agent("ver", says(verdict("disapprove", "=> 7"), verdict("approve")))
    outcome = await run(network(ada, ben, ver), {"verify": {"proposer": {"debate": ["ada", "ben"]}, "verifier": "ver"}})
    assert outcome.answer == "2"
    assert transcript(prompts(ada)[1]) == ["1", "disapprove 7"]
    assert len({message.node for message in outcome.messages if message.sender == "ada"}) == 2


async def test_programs_and_listeners_are_told_of_an_answer_that_was_not_approved() -> None:
    web = network(agent("ada", says("7")), agent("ver", says(verdict("disapprove")), roles=["verifier"]))
    ended: list[Event] = []
    protocol = spec({"verify": {"proposer": "ada", "verifier": "ver", "retries": 0}})
    outcome = await Coordinator(web).run(Task(text="?"), protocol, on_event=ended.append)
    assert (outcome.answer, outcome.approved, outcome.held) == ("7", False, False)
    assert isinstance(ended[-1], RunEnded)
    assert (ended[-1].approved, ended[-1].detail) == (False, "not approved, retries used up")
