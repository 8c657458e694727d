"""What happened between members on the way to an answer, counted over the trials of a system.

Flips, conformity and the oracle gap are those of "The Cost of Consensus" (arXiv 2605.00914).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agentnet.answers import normalise, plurality
from agentnet.contracts.evaluations import Said, Trial

RIGHT = 0.5
"""The score from which an answer counts as right."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """Means and shares over the trials of a system. None where there was no occasion."""

    messages: float
    """Turns of agents for each item."""
    agreement: float | None
    """Share of members' last answers that equal the most frequent one."""
    consensus: float | None
    """Share of trials in which all members agreed in the end, or at some round."""
    rounds: float | None
    """Rounds until all agreed, over those trials in which they did; the independent answer is the first."""
    corrected: int
    """Wrong answers that their own author replaced by a right one."""
    spoiled: int
    """Right answers that their own author replaced by a wrong one."""
    conformity: float | None
    """Of the times a member stood against a majority, how often it adopted that majority's answer next."""
    oracle: float | None
    """Share of trials in which some member had it right at some time."""


def conduct(trials: Sequence[Trial]) -> Conduct:
    """The measures of one system. `trials` must not be empty."""
    several = [trial for trial in trials if len({one.agent for one in trial.said}) > 1]
    agreements = [share for trial in several if (share := agreement(trial)) is not None]
    rounds = [reached for trial in several if (reached := consensus(trial)) is not None]
    flips = [flip for trial in trials for flip in _flips(trial)]
    chances = [adopted for trial in several for adopted in _conformity(trial)]
    spoken = [trial for trial in trials if sum(one.score is not None for one in trial.said) > 1]
    return Conduct(
        messages=_mean([float(trial.messages) for trial in trials]) or 0.0,
        agreement=_mean(agreements),
        consensus=len(rounds) / len(several) if several else None,
        rounds=_mean([float(count) for count in rounds]),
        corrected=sum(after > before for before, after in flips),
        spoiled=sum(after < before for before, after in flips),
        conformity=_mean([float(adopted) for adopted in chances]),
        oracle=_mean([float(any_right(trial)) for trial in spoken]),
    )


def any_right(trial: Trial) -> bool:
    """Whether some member had it right at some time."""
    return any(one.score is not None and one.score >= RIGHT for one in trial.said)


def agreement(trial: Trial) -> float | None:
    """The share of members' last answers that equal the most frequent one; None where fewer than two answered."""
    last = {one.agent: one.answer for one in trial.said if one.answer is not None}
    if len(last) < 2:
        return None
    return len(plurality(list(last.values()))[0]) / len(last)


def consensus(trial: Trial) -> int | None:
    """The first round (from 1) in which at least two members answered and all agreed; None if there was none."""
    for place, (_, said) in enumerate(sorted(_rounds(trial).items()), start=1):
        answers = [one.answer for one in said]
        different = {None if answer is None else normalise(answer) for answer in answers}
        if len({one.agent for one in said}) > 1 and len(different) == 1 and None not in different:
            return place
    return None


def _rounds(trial: Trial) -> dict[int, list[Said]]:
    found: dict[int, list[Said]] = defaultdict(list)
    for one in trial.said:
        found[one.round].append(one)
    return found


def _flips(trial: Trial) -> Iterable[tuple[bool, bool]]:
    """Right before and right after, for each answer that an agent gave behind an earlier one of its own."""
    before: dict[str, bool] = {}
    for one in trial.said:
        if one.score is None:
            continue
        right = one.score >= RIGHT
        if one.agent in before:
            yield before[one.agent], right
        before[one.agent] = right


def _conformity(trial: Trial) -> Iterable[bool]:
    """For each member that stood against a majority of the others in a round: whether it adopted their answer next."""
    rounds = [said for _, said in sorted(_rounds(trial).items())]
    for before, after in pairwise(rounds):
        for one in before:
            others = [normalise(other.answer) for other in before if other.agent != one.agent and other.answer]
            following = next((later for later in after if later.agent == one.agent and later.answer), None)
            if one.answer is None or following is None or following.answer is None:
                continue
            for answer in set(others):
                if others.count(answer) * 2 > len(others) and len(others) > 1 and answer != normalise(one.answer):
                    yield normalise(following.answer) == answer


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
