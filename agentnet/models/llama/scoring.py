"""Scoring given replies: one pass over the prompt and over each distinct beginning of the replies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from agentnet.models.base import Scores
from agentnet.models.llama.cache import Held
from agentnet.models.llama.context import Context
from agentnet.models.llama.delivery import Mailbox
from agentnet.models.llama.job import Job, NoRoom
from agentnet.models.llama.prefix import common_prefix


class Scoring(Job):
    """The log-probabilities of continuations of one prompt, each a non-empty list of tokens.

    What all of them begin with is evaluated together with the prompt. Where they part, the sequence is forked, and a
    token that several still share is decoded once for all of them. Answers of one token cost nothing but the prompt.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        continuations: Sequence[Sequence[int]],
        *,
        among: bool = False,
        priority: int,
        longest_stem: int,
    ) -> None:
        """`longest_stem` bounds how many tokens with logits are evaluated in the prompt's own step.

        `among` compares a token with those that other continuations have in its place, instead of the whole
        vocabulary, and where there are none it does not count.
        """
        self._rivals = _rivals(continuations) if among else None
        if self._rivals is not None:
            continuations = [_up_to_last_parting(tokens, self._rivals) for tokens in continuations]
        stem = list(continuations[0])
        for continuation in continuations[1:]:
            del stem[common_prefix(stem, continuation, len(stem)) :]
        # Nobody asks what comes after the last token of the longest one.
        del stem[min(longest_stem, max(map(len, continuations)) - 1) :]
        super().__init__([*prompt, *stem], wanted_from=len(prompt) - 1, priority=priority)
        self.prompt_length = len(prompt)
        self._continuations = continuations
        self._stem = self._evaluated = len(stem)
        self._logprobs: list[list[float]] = []

    def take(self, context: Context, logits: Any, last: int, mailbox: Mailbox) -> bool:
        self._logprobs = [[] for _ in self._continuations]
        self._evaluated = self._stem
        for depth, row in enumerate(logits):
            self._note(range(len(self._continuations)), depth, row)
        return True

    @property
    def unfinished(self) -> bool:
        return bool(self._longer())

    def conclude(self, context: Context) -> None:
        for group in self._groups(context):
            self._follow(context, group)

    def result(self) -> Scores:
        return Scores(tuple(map(tuple, self._logprobs)), self.usage(self._evaluated))

    def _longer(self) -> list[int]:
        """The continuations that have more than the stem and one token behind it."""
        return [place for place, tokens in enumerate(self._continuations) if len(tokens) > self._stem + 1]

    def _groups(self, context: Context) -> Iterator[dict[int, Held]]:
        """Forks of the stem for some continuations at a time, as many as there are sequences and cells for."""
        assert self.held is not None
        left = self._longer()
        while left:
            group: dict[int, Held] = {}
            room = context.cache.available
            try:
                while left and (needed := len(self._continuations[left[0]]) - 1 - self._stem) <= room:
                    if (fork := context.cache.fork(self.held)) is None:
                        break
                    group[left.pop(0)] = fork
                    room -= needed
                if not group:
                    raise NoRoom(f"{context.name}: the KV cache has no room to score with; set larger `cache_tokens`")
                yield group
            finally:
                for fork in group.values():
                    context.cache.drop(fork)

    def _follow(self, context: Context, group: dict[int, Held]) -> None:
        """Evaluate what a group's continuations have beyond the stem, all but the last token of each."""
        # A recurrent state belongs to one sequence: there, nothing can be decoded for several at once.
        nodes = list(self._nodes(group, sharing=context.cache.forks))
        while nodes:
            some, nodes = nodes[: context.batch.capacity], nodes[context.batch.capacity :]
            context.cache.make_room(len(some))
            for members, depth, token in some:
                context.batch.add_shared([group[member].id for member in members], self.prompt_length + depth, token)
            logits = context.decode()
            self._evaluated += len(some)
            for (members, depth, token), row in zip(some, logits, strict=True):
                context.cache.extend_shared([group[member] for member in members], [token])
                self._note(members, depth + 1, row)

    def _nodes(self, group: Iterable[int], *, sharing: bool) -> Iterator[tuple[list[int], int, int]]:
        """The tokens to evaluate, level by level: who shares it, its depth in the continuation, and the token."""
        deepest = max(len(self._continuations[place]) for place in group) - 1
        for depth in range(self._stem, deepest):
            together: dict[tuple[int, ...], list[int]] = {}
            for place in group:
                tokens = self._continuations[place]
                if depth < len(tokens) - 1:
                    owner = () if sharing else (place,)
                    together.setdefault((*owner, *tokens[: depth + 1]), []).append(place)
            yield from ((members, depth, beginning[-1]) for beginning, members in together.items())

    def _note(self, members: Iterable[int], depth: int, row: Any) -> None:
        """Write down what a row says about the token at `depth` of each member."""
        asked = [(place, tokens) for place in members if depth < len(tokens := self._continuations[place])]
        if not asked:
            return
        rivals: Any = slice(None)
        if self._rivals is not None:  # all members have the same tokens up to here, and so the same rivals
            rivals = self._rivals[tuple(asked[0][1][:depth])]
            if len(rivals) == 1:
                return
        normaliser = _log_sum(row[rivals])
        for place, tokens in asked:
            self._logprobs[place].append(float(row[tokens[depth]]) - normaliser)


def _rivals(continuations: Sequence[Sequence[int]]) -> dict[tuple[int, ...], list[int]]:
    """For each beginning of a continuation, the tokens that come next in any."""
    found: dict[tuple[int, ...], list[int]] = {}
    for tokens in continuations:
        for depth, token in enumerate(tokens):
            following = found.setdefault(tuple(tokens[:depth]), [])
            if token not in following:
                following.append(token)
    return found


def _up_to_last_parting(tokens: Sequence[int], rivals: Mapping[tuple[int, ...], Sequence[int]]) -> Sequence[int]:
    """A continuation without what is fixed after it has parted from every other one."""
    parting = (depth for depth in range(len(tokens) - 1, -1, -1) if len(rivals[tuple(tokens[:depth])]) > 1)
    return tokens[: next(parting, 0) + 1]


def _log_sum(logits: Any) -> float:
    """The logarithm of the sum of the exponentials."""
    values = logits.astype(np.float64)
    top = values.max()
    return float(top + np.log(np.exp(values - top).sum()))
