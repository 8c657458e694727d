"""Which agents took part in a run: all that were asked, or those that contributed."""

from __future__ import annotations

from agentnet.contracts.bodies import Error, Fusion, Proposal, Result, Task
from agentnet.contracts.speakers import speakers
from tests.store.samples import message

ERROR = Error(code="unavailable", detail="no answer")
ANSWER = Proposal(answer="4", text="4")


def test_agents_come_in_the_order_of_their_first_turn_and_only_they() -> None:
    said = [
        message(sender="user", body=Task(text="2 + 2?")),
        message(sender="bob", body=ANSWER),
        message(sender="ann", body=ANSWER),
        message(sender="bob", body=ANSWER),
        message(sender="coordinator", body=Result(answer="4", decision="majority")),
    ]
    assert speakers(said, failed=False) == speakers(said, failed=True) == ["bob", "ann"]


def test_an_agent_that_only_failed_counts_where_it_is_asked_for() -> None:
    said = [
        message(sender="ann", body=ERROR),
        message(sender="bob", body=ERROR),
        message(sender="bob", body=ANSWER),
        message(sender="coordinator", body=ERROR),
    ]
    assert speakers(said, failed=True) == ["ann", "bob"]
    assert speakers(said, failed=False) == ["bob"]


def test_the_members_of_a_fused_answer_spoke() -> None:
    body = Fusion(answer="4", text="4", members=("ann", "bob"), strategy="pi", dropped={"ann": "too slow"})
    said = [message(sender="fusion", body=body), message(sender="fusion", body=ERROR)]
    assert speakers(said, failed=True) == ["ann", "bob"]
    assert speakers(said, failed=False) == ["bob"]
