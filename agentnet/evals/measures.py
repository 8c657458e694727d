"""What happens between members on the way to an answer, counted over the trials of a system.

Flips, conformity and the oracle gap are those of "The Cost of Consensus" (arXiv 2605.00914).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agentnet.answers import normalise, plurality
from agentnet.contracts.evaluations import MemberAnswer, Trial

RIGHT = 0.5
"""The score from which an answer counts as right."""


@dataclass(frozen=True, slots=True)
class InteractionMetrics:
    """Means and shares over the trials of a system. None where no trial can tell."""

    messages: float
    """Turns of agents for each item."""
    agreement: float | None
    """Share of members' last answers that equal the most frequent one."""
    consensus: float | None
    """Share of trials in which all members agreed at some round."""
    rounds: float | None
    """Rounds until all agreed, over the trials in which they did; independent answers are the first round."""
    helpful_flips: int
    """Wrong answers that their own author replaced by a right one."""
    harmful_flips: int
    """Right answers that their own author replaced by a wrong one."""
    conformity: float | None
    """Share of the times a member disagreed with a majority after which it adopted the majority's answer."""
    oracle: float | None
    """Share of trials in which some member was right at some time."""


def interaction_metrics(trials: Sequence[Trial]) -> InteractionMetrics:
    """Return the metrics of one system. `trials` must not be empty."""
    with_several = [trial for trial in trials if len({answer.agent for answer in trial.said}) > 1]
    agreements = [share for trial in with_several if (share := agreement(trial)) is not None]
    rounds = [reached for trial in with_several if (reached := consensus(trial)) is not None]
    flips = [flip for trial in trials for flip in _flips(trial)]
    adoptions = [adopted for trial in with_several for adopted in _adoptions(trial)]
    with_choice = [trial for trial in trials if sum(answer.score is not None for answer in trial.said) > 1]
    return InteractionMetrics(
        messages=_mean([float(trial.messages) for trial in trials]) or 0.0,
        agreement=_mean(agreements),
        consensus=len(rounds) / len(with_several) if with_several else None,
        rounds=_mean([float(count) for count in rounds]),
        helpful_flips=sum(after > before for before, after in flips),
        harmful_flips=sum(after < before for before, after in flips),
        conformity=_mean([float(adopted) for adopted in adoptions]),
        oracle=_mean([float(any_right(trial)) for trial in with_choice]),
    )


def any_right(trial: Trial) -> bool:
    """Return whether some member was right at some time."""
    return any(answer.score is not None and answer.score >= RIGHT for answer in trial.said)


def agreement(trial: Trial) -> float | None:
    """Return the share of members' last answers that equal the most frequent one; None with fewer than two answers."""
    last = {answer.agent: answer.answer for answer in trial.said if answer.answer is not None}
    if len(last) < 2:
        return None
    return len(plurality(list(last.values()))[0]) / len(last)


def consensus(trial: Trial) -> int | None:
    """Return the first round (from 1) in which at least two members answered and all agreed; None without one."""
    for number, answers in enumerate(_rounds(trial), start=1):
        different = {None if answer.answer is None else normalise(answer.answer) for answer in answers}
        if len({answer.agent for answer in answers}) > 1 and len(different) == 1 and None not in different:
            return number
    return None


def _rounds(trial: Trial) -> list[list[MemberAnswer]]:
    """The answers of each round, in the order of rounds."""
    by_round: dict[int, list[MemberAnswer]] = defaultdict(list)
    for answer in trial.said:
        by_round[answer.round].append(answer)
    return [answers for _, answers in sorted(by_round.items())]


def _flips(trial: Trial) -> Iterator[tuple[bool, bool]]:
    """For each answer that follows an earlier one of the same agent: whether that was right, and whether it is."""
    before: dict[str, bool] = {}
    for answer in trial.said:
        if answer.score is None:
            continue
        right = answer.score >= RIGHT
        if answer.agent in before:
            yield before[answer.agent], right
        before[answer.agent] = right


def _adoptions(trial: Trial) -> Iterator[bool]:
    """For each answer that differs from a majority of the other members: whether its agent adopts theirs next."""
    for before, after in pairwise(_rounds(trial)):
        following = {answer.agent: normalise(answer.answer) for answer in reversed(after) if answer.answer}
        for own in before:
            others = [normalise(other.answer) for other in before if other.agent != own.agent and other.answer]
            if own.answer is None or own.agent not in following:
                continue
            for majority in set(others):
                if len(others) > 1 and others.count(majority) * 2 > len(others) and majority != normalise(own.answer):
                    yield following[own.agent] == majority


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
