"""`route`: the judges that mutual grades choose, and the way of an answer from member to member."""

from __future__ import annotations

from typing import Any

import pytest

from agentnet.agents import ModelAgent
from agentnet.collab.binding import Binder
from agentnet.collab.mutual import judges, lowest, states
from agentnet.contracts.bodies import Result, Task, Verdict
from agentnet.contracts.cards import Measured
from agentnet.contracts.grades import Grades, MeanGrade
from agentnet.contracts.protocols import Route
from agentnet.coordinator import Coordinator, Outcome
from agentnet.errors import ModelUnavailable, ProtocolError
from agentnet.models.base import Request
from tests.scripted import Script, agent, kinds, network, prompts, requests, role_of, roles, says, spec, verdict, weighs

TASK = Task(text="What is 17 × 23?")

QWEN, BAICHUAN, ERNIE, DS = "qwen", "baichuan", "ernie", "ds-qwen"
PUBLISHED = {
    QWEN: {BAICHUAN: 2.4, ERNIE: 2.6, DS: 1.9},
    BAICHUAN: {QWEN: 2.6, ERNIE: 2.8, DS: 2.6},
    ERNIE: {QWEN: 2.5, BAICHUAN: 2.2, DS: 1.7},
    DS: {QWEN: 2.4, BAICHUAN: 2.2, ERNIE: 2.5},
}
"""Rows grade columns: the heatmap of the AI-Model Network (arXiv 2606.27382, section 3.6)."""
MODELS = (QWEN, BAICHUAN, ERNIE, DS)


# Algorithm 1


def test_the_published_heatmap_chooses_the_published_judges() -> None:
    assert judges(PUBLISHED, MODELS) == {
        QWEN: (ERNIE,),
        BAICHUAN: (ERNIE,),
        ERNIE: (QWEN,),
        DS: (QWEN, ERNIE),
    }


def test_the_states_of_the_published_heatmap() -> None:
    assert states(PUBLISHED, MODELS) == {QWEN: 1, BAICHUAN: 3, ERNIE: 1, DS: 3}


def test_c_prime_has_the_strict_judges_that_are_graded_low() -> None:
    grades = {
        "good": {"poor": 1.5, "mild": 2.9, "best": 2.9},
        "poor": {"good": 1.0, "mild": 1.2, "best": 1.1},
        "mild": {"good": 3.0, "poor": 2.5, "best": 3.0},
        "best": {"good": 2.8, "poor": 1.0, "mild": 2.6},
    }
    members = tuple(grades)
    assert states(grades, members) == {"good": 2, "poor": 4, "mild": 3, "best": 1}
    assert judges(grades, members, state=4)["good"] == ("poor",)
    assert judges(grades, members, state=1)["good"] == ("best",)
    assert judges(grades, members, state=4)["poor"] == ()


def test_a_cut_rounds_up_and_takes_the_first_of_equal_ones() -> None:
    assert lowest({"a": 2.0, "b": 1.0, "c": 3.0}, 50) == {"a", "b"}
    assert lowest({"a": 2.0, "b": 2.0, "c": 2.0, "d": 2.0}, 50) == {"a", "b"}
    assert lowest({"a": 2.0}, 0) == set()
    assert lowest({"a": 1.0, "b": 2.0, "c": 3.0}, 100) == {"a", "b", "c"}


def test_a_missing_grade_is_not_imputed() -> None:
    """Without ERNIE's grade of Qwen, ERNIE is no grader of Qwen: the lowest half of two graders is one."""
    partial = {judge: dict(grades) for judge, grades in PUBLISHED.items()}
    del partial[ERNIE][QWEN]
    assert judges(partial, MODELS)[QWEN] == ()
    assert judges(partial, MODELS)[ERNIE] == (QWEN,)
    assert judges({}, MODELS) == dict.fromkeys(MODELS, ())
    assert states({QWEN: {ERNIE: 2.0}}, MODELS) == {}


# Algorithm 2


def member(name: str, *replies: str, verdicts: tuple[str, ...] = ("approve",), accuracy: float = 0.5) -> ModelAgent:
    """A member with its replies in turn, and its verdicts in turn."""
    answering, judging = says(*(f"=> {reply}" for reply in replies)), says(*(verdict(each) for each in verdicts))

    def script(request: Request) -> Any:
        return judging(request) if role_of(request) == "verify" else answering(request)

    return agent(name, script, measured={"math": Measured(accuracy=accuracy, items=1000)})


def fails(_: Request) -> str:
    raise ModelUnavailable("the server is down")


def failing(plain: ModelAgent, when: str) -> ModelAgent:
    """The same member, which fails in one role."""
    model: Any = plain.model
    inner: Script = model._script

    def script(request: Request) -> Any:
        return fails(request) if role_of(request) == when else inner(request)

    return agent(plain.name, script, measured=dict(plain.card.measured))


async def run(members: list[ModelAgent], judges: dict[str, list[str]], **options: Any) -> Outcome:
    route = {"members": [member.name for member in members], "judges": judges, **options}
    return await Coordinator(network(*members)).run(TASK, spec({"route": route}))


def result(outcome: Outcome) -> Result:
    body = outcome.messages[-1].body
    assert isinstance(body, Result)
    return body


async def test_an_answer_that_all_judges_approve_of_is_the_answer() -> None:
    ada, ben, cyd = member("ada", "391"), member("ben", "1"), member("cyd", "2")
    outcome = await run([ada, ben, cyd], {"ada": ["ben", "cyd"]}, first="ada")
    assert (outcome.answer, result(outcome).decision) == ("391", "approved by ben, cyd")
    assert result(outcome).approved
    assert kinds(outcome.messages) == ["task", "proposal", "verdict", "verdict", "result"]


async def test_one_that_disapproves_refines_the_answer_and_its_own_judges_vote_next() -> None:
    ada = member("ada", "400")
    ben = member("ben", "391", verdicts=("disapprove",))
    cyd = member("cyd", "2", verdicts=("approve",))
    outcome = await run([ada, ben, cyd], {"ada": ["ben"], "ben": ["cyd"]}, first="ada")
    assert (outcome.answer, result(outcome).decision) == ("391", "approved by cyd")
    assert [(message.sender, message.body.kind) for message in outcome.messages[1:-1]] == [
        ("ada", "proposal"), ("ben", "verdict"), ("ben", "revision"), ("cyd", "verdict")
    ]  # fmt: skip
    assert prompts(ben)[1].splitlines()[1:-1] == ["A: 400", "B: disapprove "]
    assert prompts(cyd)[0].splitlines()[1:-1] == ["A: 391"]


@pytest.mark.parametrize("hops", [0, 1, 2, 5])
async def test_the_hops_are_counted(hops: int) -> None:
    """The printed loop would never end: its counter never advances."""
    ada, ben = (member(name, "1", verdicts=("disapprove",)) for name in ("ada", "ben"))
    outcome = await run([ada, ben], {"ada": ["ben"], "ben": ["ada"]}, first="ada", hops=hops)
    assert kinds(outcome.messages).count("revision") == hops
    assert result(outcome).decision.endswith("hops used up")
    assert result(outcome).approved is False
    assert outcome.held is False


async def test_it_ends_when_all_approve_although_hops_are_left() -> None:
    """The printed loop says "or": it would go on."""
    ada = member("ada", "1", "3", verdicts=("disapprove", "approve"))
    ben = member("ben", "2", verdicts=("disapprove",))
    outcome = await run([ada, ben], {"ada": ["ben"], "ben": ["ada"]}, first="ada", hops=5)
    ben_approves = member("ben", "2", verdicts=("approve",))
    short = await run([member("ada", "1"), ben_approves], {"ada": ["ben"]}, first="ada", hops=5)
    assert (kinds(outcome.messages).count("revision"), outcome.answer) == (3, "2")
    assert (kinds(short.messages).count("revision"), short.answer) == (0, "1")


async def test_without_convergence_all_hops_are_taken() -> None:
    ada, ben = member("ada", "1", "3"), member("ben", "2")
    outcome = await run([ada, ben], {"ada": ["ben"], "ben": ["ada"]}, first="ada", hops=2, stop="never")
    assert [message.sender for message in outcome.messages if message.body.kind == "revision"] == ["ben", "ada"]
    assert outcome.answer == "3"


async def test_the_next_hop_is_drawn_by_the_seed_among_those_that_disapprove() -> None:
    drawn = set()
    for seed in range(12):
        team = [member("ada", "1"), *(member(n, "2", verdicts=("disapprove",)) for n in ("ben", "cyd")), member("dot")]
        route = {"members": [m.name for m in team], "judges": {"ada": ["ben", "cyd", "dot"]}, "first": "ada"}
        again = []
        for _ in range(2):
            outcome = await Coordinator(network(*team)).run(TASK, spec({"route": route}), seed=seed)
            again.append([m.sender for m in outcome.messages if m.body.kind == "revision"])
        assert again[0] == again[1]
        drawn.update(again[0])
    assert drawn == {"ben", "cyd"}


async def test_a_member_without_judges_is_believed_and_not_marked() -> None:
    outcome = await run([member("ada", "1"), member("ben", "2")], {"ada": [], "ben": ["ada"]}, first="ada")
    assert (outcome.answer, result(outcome).decision) == ("1", "ada has no judges")
    assert result(outcome).approved is None
    assert outcome.held


async def test_a_missing_verdict_neither_approves_nor_disapproves() -> None:
    ben = agent("ben", says("no JSON"))
    outcome = await run([member("ada", "1"), ben], {"ada": ["ben"]}, first="ada")
    assert (outcome.answer, result(outcome).decision) == ("1", "unverified: a verdict is missing")
    assert result(outcome).approved is False


async def test_the_best_card_answers_first_and_the_next_best_where_it_fails() -> None:
    team = [member("ada", "1", accuracy=0.5), member("ben", "2", accuracy=0.9), member("cyd", "3", accuracy=0.7)]
    assert (await run(team, {"ben": ["ada"]})).answer == "2"
    broken = [team[0], failing(member("ben", "2", accuracy=0.9), "solve"), member("cyd", "3", accuracy=0.7)]
    outcome = await run(broken, {"cyd": ["ada"]})
    assert (outcome.answer, result(outcome).decision) == ("3", "approved by ada")
    everyone = [failing(member(name, "1"), "solve") for name in ("ada", "ben")]
    outcome = await run(everyone, {"ada": ["ben"]})
    assert (outcome.status, outcome.detail) == ("failed", "the server is down")


async def test_where_a_hop_fails_another_that_disapproves_is_asked_and_else_the_answer_stands() -> None:
    ada = member("ada", "1")
    down = failing(member("ben", "2", verdicts=("disapprove",)), "revise")
    cyd = member("cyd", "3", verdicts=("disapprove",))
    outcome = await run([ada, down, cyd], {"ada": ["ben", "cyd"]}, first="ada")
    assert outcome.answer == "3"
    alone = failing(member("ben", "2", verdicts=("disapprove",)), "revise")
    outcome = await run([member("ada", "1"), alone], {"ada": ["ben"]}, first="ada")
    assert (outcome.answer, result(outcome).decision) == ("1", "not approved by ben")
    assert result(outcome).approved is False


async def test_verdicts_can_be_scored() -> None:
    ben = agent("ben", says("=> 2"), scores=weighs(approve=0.2, disapprove=0.8))
    outcome = await run([member("ada", "1"), ben], {"ada": ["ben"], "ben": []}, first="ada", by="score")
    assert outcome.answer == "2"
    assert roles(ben) == ["revise"]
    (judged,) = (message for message in outcome.messages if isinstance(message.body, Verdict))
    assert judged.confidence == pytest.approx(0.8)


async def test_a_route_is_a_part_like_any_other() -> None:
    ada, ben = member("ada", "1"), member("ben", "2", verdicts=("disapprove",))
    route = {"route": {"members": ["ada", "ben"], "judges": {"ada": ["ben"]}, "first": "ada"}}
    outcome = await Coordinator(network(ada, ben)).run(TASK, spec({"serial": ["ben", route]}))
    assert outcome.answer == "2"
    assert prompts(ada)[0].splitlines()[1:-1] == ["A: 2"]
    assert len(requests(ben)) == 3


# binding


def graded(**given: dict[str, float]) -> Grades:
    means = {
        judge.replace("_", "-"): {
            member.replace("_", "-"): MeanGrade(mean=mean, items=50) for member, mean in g.items()
        }
        for judge, g in given.items()
    }
    return Grades(given=means)


def bound(route: dict[str, Any], grades: Grades | None = None) -> Route:
    web = network(*(member(name, "1") for name in MODELS))
    if grades is not None:
        web = web.with_grades(grades)
    expression = Binder(web.spec).bind(spec({"route": route}).protocol)
    assert isinstance(expression, Route)
    return expression


def test_binding_chooses_the_judges_by_the_grades_of_the_network_or_of_the_protocol() -> None:
    of_network = bound(
        {}, graded(qwen=PUBLISHED[QWEN], baichuan=PUBLISHED[BAICHUAN], ernie=PUBLISHED[ERNIE], ds_qwen=PUBLISHED[DS])
    )
    assert of_network.judges == judges(PUBLISHED, MODELS)
    assert of_network.members == MODELS
    assert bound({"grades": PUBLISHED}).judges == judges(PUBLISHED, MODELS)
    assert bound({"grades": PUBLISHED, "choose": "c-prime"}).judges == dict.fromkeys(MODELS, ())


@pytest.mark.parametrize(
    ("route", "why"),
    [
        ({}, "nobody has graded these members yet; let them grade each other"),
        ({"judges": {"qwen": ["eve"]}}, "eve is none of its members"),
        ({"members": ["qwen", "ernie"], "first": "ds-qwen", "grades": PUBLISHED}, "ds-qwen is none of its members"),
        ({"members": ["eve"]}, "no agent 'eve'"),
    ],
)
def test_what_cannot_be_routed_is_refused_in_one_line(route: dict[str, Any], why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        bound(route)


def test_nobody_grades_itself_and_no_grade_is_above_the_scale() -> None:
    with pytest.raises(ValueError, match="ada grades itself"):
        graded(ada={"ada": 1.0})
    with pytest.raises(ValueError, match="above the scale of 3"):
        graded(ada={"ben": 3.5})
