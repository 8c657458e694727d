"""Protocol expressions: what is written in YAML and what is written in Python are the same thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agentnet.collab.library import find_protocol, shipped_protocols
from agentnet.contracts.base import first_problem
from agentnet.contracts.protocols import (
    COMBINATORS,
    Ask,
    Best,
    Cascade,
    Debate,
    Delegate,
    Judge,
    Parallel,
    ProtocolSpec,
    Serial,
    Synthesize,
    Verify,
    Weighted,
)
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ProtocolError

selectors = st.sampled_from(["@solver", "@best", "@all", "@solver:2"]) | st.from_regex(
    r"[A-Za-z][A-Za-z0-9_.-]{0,8}", fullmatch=True
).filter(bool)
# Names that mean something elsewhere in the notation are fine names for an agent.
selectors |= st.sampled_from(["ask", "serial", "judge", "majority", "last", "agent", "kind", "null", "yes"])
samplings = st.builds(
    Sampling,
    max_tokens=st.integers(1, 4096),
    temperature=st.floats(0, 2),
    seed=st.none() | st.integers(0, 2**32 - 1),
    stop=st.lists(st.text(max_size=4), max_size=2).map(tuple),
)
asks = st.builds(
    Ask,
    agent=selectors,
    role=st.none() | st.sampled_from(["solve", "revise", "review", "critique", "conclude", "synthesize"]),
    sampling=st.none() | samplings,
)
bys = st.sampled_from(["reason", "score"])
decisions = st.one_of(
    st.sampled_from(["majority", "confidence", "first", "all"]),
    st.builds(Weighted, by=st.sampled_from(["card", "confidence"])),
    st.builds(Judge, agent=selectors, by=bys),
    st.builds(Synthesize, agent=selectors),
)


def combinators(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Serial, steps=several, see=st.sampled_from(["last", "all"])),
        st.builds(Parallel, branches=several, times=st.integers(1, 3), decide=decisions),
        st.builds(
            Debate,
            members=several,
            rounds=st.integers(1, 5),
            see=st.sampled_from(["all", "others", "next"]),
            stop=st.sampled_from(["consensus", "never"]),
            quorum=st.floats(0.51, 1),
            decide=decisions,
        ),
        st.builds(
            Delegate,
            planner=selectors,
            workers=several,
            merge=st.just("last") | st.builds(Synthesize, agent=selectors),
            max_steps=st.integers(1, 64),
        ),
        st.builds(Verify, proposer=inner, verifier=selectors, retries=st.integers(0, 4), by=bys),
        st.builds(
            Cascade,
            steps=several,
            until=st.sampled_from(["agreement", "confidence"]),
            agree=st.integers(1, 4),
            sure=st.floats(0.01, 1),
            otherwise=st.sampled_from(["last", "majority"]),
        ),
        st.builds(Best, among=several),
    )


expressions = st.recursive(asks, combinators, max_leaves=6)


def read(protocol: Any) -> Any:
    return ProtocolSpec.model_validate({"name": "x", "summary": "x", "protocol": protocol}).protocol


@given(expressions)
@settings(max_examples=200)
def test_python_to_yaml_and_back_is_the_same_expression(expression: Any) -> None:
    written = ProtocolSpec(name="x", summary="x", protocol=expression)
    text = yaml.safe_dump(json.loads(written.model_dump_json()))
    assert ProtocolSpec.model_validate(yaml.safe_load(text)) == written
    assert ProtocolSpec.model_validate(written.model_dump()) == written
    assert hash(ProtocolSpec.model_validate(yaml.safe_load(text))) == hash(written)


@given(expressions)
def test_what_is_written_is_as_short_as_it_can_be(expression: Any) -> None:
    """Writing what was read changes nothing: there is one shortest form."""
    data = expression.model_dump(mode="json")
    assert read(data).model_dump(mode="json") == data


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("scout", Ask(agent="scout")),
        ("ask", Ask(agent="ask")),
        ({"ask": "scout"}, Ask(agent="scout")),
        ({"serial": ["a", "b"]}, Serial(steps=("a", "b"))),
        ({"parallel": ["a"]}, Parallel(branches=("a",))),
        ({"debate": {"members": ["a"], "decide": "judge"}}, Debate(members=("a",), decide=Judge())),
        (
            {"parallel": {"branches": ["a"], "decide": {"judge": "b"}}},
            Parallel(branches=("a",), decide=Judge(agent="b")),
        ),
        ({"parallel": {"branches": ["a"], "decide": "weighted"}}, Parallel(branches=("a",), decide=Weighted())),
        ({"delegate": {"merge": "synthesize"}}, Delegate(merge=Synthesize())),
        ({"delegate": {}}, Delegate()),
        ({"best": {}}, Best()),
        ({"verify": {"proposer": "a", "by": "score"}}, Verify(proposer=Ask(agent="a"), by="score")),
        (
            {"parallel": {"branches": ["a"], "decide": {"judge": {"by": "score"}}}},
            Parallel(branches=(Ask(agent="a"),), decide=Judge(by="score")),
        ),
    ],
)
def test_short_forms(short: Any, long: Any) -> None:
    assert read(short) == long


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ({"debat": {}}, ["protocol", "unknown combinator 'debat'", "did you mean 'debate'?"]),
        ({"serial": {"steps": []}}, ["protocol", "steps", "at least 1 item"]),
        ({"serial": ["a", {"paralel": ["b"]}]}, ["steps.1", "'paralel'", "did you mean 'parallel'?"]),
        ({"parallel": {"branches": ["a"], "decide": "majorty"}}, ["decide", "'majorty'", "did you mean 'majority'?"]),
        ({"parallel": {"branches": ["a"], "decide": 3}}, ["decide", "expected a decision"]),
        ({"delegate": {"merge": "first"}}, ["merge", "unknown merge 'first'"]),
        ({"debate": {"members": ["a"], "rounds": 0}}, ["rounds", "greater than or equal to 1"]),
        ({"debate": {"members": ["a"], "quorum": 0.5}}, ["quorum", "greater than 0.5"]),
        ({"debate": {"members": ["a"], "round": 3}}, ["debate.round", "Extra inputs are not permitted"]),
        ({"verify": {"proposer": "a", "retries": -1}}, ["retries", "greater than or equal to 0"]),
        ({"verify": {"proposer": "a", "by": "guess"}}, ["verify.by", "'reason' or 'score'"]),
        ({"ask": {"agent": "two words"}}, ["agent", "pattern"]),
        ({"ask": {"agent": "a", "role": "dance"}}, ["role", "'solve'"]),
        ({"serial": ["a"], "parallel": ["b"]}, ["expected a combinator: a mapping with one key"]),
        (3, ["expected a combinator"]),
        (None, ["expected a combinator"]),
    ],
)
def test_errors_name_the_place_and_suggest(protocol: Any, words: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        read(protocol)
    problem = first_problem(caught.value)
    for word in words:
        assert word in problem


def test_every_combinator_has_an_example_among_the_shipped_protocols() -> None:
    text = json.dumps([spec.model_dump(mode="json") for spec in shipped_protocols().values()])
    assert [kind for kind in COMBINATORS if kind != "ask" and f'"{kind}"' not in text] == []


@pytest.mark.parametrize("spec", shipped_protocols().values(), ids=lambda spec: spec.name)
def test_a_shipped_protocol_has_a_whole_card(spec: ProtocolSpec) -> None:
    assert spec.summary.endswith(".")
    assert "\n" not in spec.summary
    assert spec.description
    assert spec.source
    assert spec.calls
    assert find_protocol(spec.name) == spec


def test_an_unknown_protocol_is_refused_with_a_suggestion() -> None:
    with pytest.raises(
        ProtocolError,
        match=r"no protocol 'debats', did you mean 'debate'\? \(known: auto, best, byte-fusion, cascade, debate",
    ):
        find_protocol("debats")


def test_a_protocol_file_is_found_beside_the_file_that_mentions_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nsummary: x\nprotocol: scout\n")
    assert find_protocol("mine.yaml", beside=tmp_path).name == "mine"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: [", "line 1 is not YAML"),
        ("- a", "expected a mapping at the top, found list"),
        ("name: Mine\nsummary: x\nprotocol: a", "name: String should match"),
        ("name: mine\nsummary: x\nprotocol: {debates: [a]}", "did you mean 'debate'?"),
    ],
)
def test_a_bad_protocol_file_is_refused_with_its_name_and_the_place(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ProtocolError) as caught:
        find_protocol(str(file))
    assert str(caught.value).startswith(str(file))
    assert problem in str(caught.value)
