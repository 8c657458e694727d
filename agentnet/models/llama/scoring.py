"""Scoring given replies: one pass over the prompt and over each distinct beginning of the replies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
        self, prompt: Sequence[int], continuations: Sequence[Sequence[int]], *, priority: int, longest_stem: int
    ) -> None:
        """`longest_stem` bounds how many tokens with logits are evaluated in the prompt's own step."""
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
        nodes = list(self._nodes(group, shared=context.cache.forks))
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

    def _nodes(self, group: Iterable[int], *, shared: bool) -> Iterator[tuple[list[int], int, int]]:
        """The tokens to evaluate, level by level: who shares it, its depth in the continuation, and the token.

        Where sequences cannot share cells, nobody shares a token either.
        """
        deepest = max(len(self._continuations[place]) for place in group) - 1
        for depth in range(self._stem, deepest):
            sharing: dict[object, list[int]] = {}
            for place in group:
                tokens = self._continuations[place]
                if depth < len(tokens) - 1:
                    sharing.setdefault(tuple(tokens[: depth + 1]) if shared else place, []).append(place)
            yield from ((members, depth, self._continuations[members[0]][depth]) for members in sharing.values())

    def _note(self, members: Iterable[int], depth: int, row: Any) -> None:
        """Write down what a row says about the token at `depth` of each member."""
        asked = [
            (place, self._continuations[place][depth]) for place in members if depth < len(self._continuations[place])
        ]
        values = row.astype(np.float64)
        top = values.max()
        normaliser = top + np.log(np.exp(values - top).sum())
        for place, token in asked:
            self._logprobs[place].append(float(values[token] - normaliser))
