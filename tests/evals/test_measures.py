"""What happened between members, counted on conversations that are written down."""

from __future__ import annotations

import pytest

from agentnet.evals.measures import agreement, consensus, interaction_metrics
from tests.evals.made import RIGHT, trial

WRONG = "8"


def debate(*rounds: tuple[str | None, ...], answer: str | None = RIGHT) -> object:
    """What ann, bob, cal … said in each round."""
    names = ("ann", "bob", "cal", "dan")
    turns = [(names[seat], place, one) for place, said in enumerate(rounds) for seat, one in enumerate(said)]
    return trial("debate", "i0", answer, *turns)


def test_a_member_that_gives_in_to_a_wrong_majority_is_harmed_and_conforms() -> None:
    found = interaction_metrics([debate((RIGHT, WRONG, WRONG), (WRONG, WRONG, WRONG), answer=WRONG)])
    assert (found.helpful_flips, found.harmful_flips) == (0, 1)
    assert found.conformity == 1.0
    assert found.oracle == 1.0
    assert found.consensus == 1.0
    assert found.rounds == 2.0


def test_a_member_that_stands_its_ground_does_not_conform() -> None:
    found = interaction_metrics([debate((RIGHT, WRONG, WRONG), (RIGHT, RIGHT, WRONG))])
    assert (found.helpful_flips, found.harmful_flips) == (1, 0)
    assert found.conformity == 0.0
    assert found.consensus == 0.0
    assert found.rounds is None


def test_two_members_are_no_majority_to_each_other() -> None:
    assert interaction_metrics([debate((RIGHT, WRONG), (WRONG, WRONG), answer=WRONG)]).conformity is None


def test_agreement_is_of_the_last_answers() -> None:
    assert agreement(debate((RIGHT, WRONG, WRONG), (RIGHT, RIGHT, WRONG))) == pytest.approx(2 / 3)
    assert agreement(trial("ann", "i0", RIGHT, ("ann", 0, RIGHT))) is None


def test_equal_numbers_in_different_words_are_agreement() -> None:
    assert agreement(debate(("7", "7.0", " 7 "))) == 1.0


def test_a_failed_turn_is_no_consensus() -> None:
    assert consensus(debate((RIGHT, None), (RIGHT, RIGHT))) == 2
    assert consensus(debate((RIGHT, None))) is None


def test_the_oracle_knows_what_some_member_knew() -> None:
    knew = debate((RIGHT, WRONG, WRONG), answer=WRONG)
    nobody = debate((WRONG, WRONG, WRONG), answer=WRONG)
    assert interaction_metrics([knew, nobody]).oracle == 0.5


def test_one_agent_alone_has_nobody_to_agree_with() -> None:
    found = interaction_metrics([trial("ann", "i0", RIGHT, ("ann", 0, RIGHT))])
    assert (found.agreement, found.consensus, found.rounds, found.conformity, found.oracle) == (None,) * 5
    assert found.messages == 1
