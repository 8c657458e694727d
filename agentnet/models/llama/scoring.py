"""Scoring given replies: one pass over the prompt and over each distinct prefix of the replies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from agentnet.models.base import Scores
from agentnet.models.llama.cells import CachedSequence
from agentnet.models.llama.context import Context
from agentnet.models.llama.dispatcher import ResultDispatcher
from agentnet.models.llama.job import Job, NoRoom
from agentnet.models.llama.prefix import common_prefix


class Scoring(Job):
    """The log-probabilities of continuations of one prompt, each a non-empty list of tokens.

    Their common prefix, the stem, is evaluated together with the prompt. Behind it the sequence is forked, and a token
    that several continuations share is decoded once for all of them. Continuations of one token cost only the prompt.
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

        `among` compares a token with those of the other continuations at the same point, instead of the whole
        vocabulary. A token without such rivals has no log-probability then.
        """
        self._rivals = _rivals_of(continuations) if among else None
        if self._rivals is not None:
            continuations = [_up_to_last_branch(tokens, self._rivals) for tokens in continuations]
        stem = list(continuations[0])
        for continuation in continuations[1:]:
            del stem[common_prefix(stem, continuation, len(stem)) :]
        # What follows the last token of the longest continuation is not needed.
        del stem[min(longest_stem, max(map(len, continuations)) - 1) :]
        super().__init__([*prompt, *stem], wanted_from=len(prompt) - 1, priority=priority)
        self.prompt_length = len(prompt)
        self._continuations = continuations
        self._stem = self._evaluated = len(stem)
        self._logprobs: list[list[float]] = []

    def take(self, context: Context, logits: Any, last: int, dispatcher: ResultDispatcher) -> bool:
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
        """Return the indices of continuations with more than the stem and one token behind it."""
        return [index for index, tokens in enumerate(self._continuations) if len(tokens) > self._stem + 1]

    def _groups(self, context: Context) -> Iterator[dict[int, CachedSequence]]:
        """Fork the stem for groups of continuations, each as large as sequences and cells allow. By index."""
        assert self.sequence is not None
        left = self._longer()
        while left:
            group: dict[int, CachedSequence] = {}
            room = context.cache.available
            try:
                while left and (needed := len(self._continuations[left[0]]) - 1 - self._stem) <= room:
                    if (fork := context.cache.fork(self.sequence)) is None:
                        break
                    group[left.pop(0)] = fork
                    room -= needed
                if not group:
                    raise NoRoom(f"{context.name}: the KV cache has no room to score with; set larger `cache_tokens`")
                yield group
            finally:
                for fork in group.values():
                    context.cache.drop(fork)

    def _follow(self, context: Context, group: dict[int, CachedSequence]) -> None:
        """Evaluate the tokens of a group behind the stem, except the last token of each continuation."""
        # A recurrent state and a row of cells belong to one sequence: no token can be decoded for several at once.
        nodes = list(self._nodes(group, sharing=context.cache.forks and context.cache.pooled))
        while nodes:
            step, nodes = nodes[: context.batch.capacity], nodes[context.batch.capacity :]
            if not context.cache.pooled:
                step.sort(key=lambda node: group[node[0][0]].id)  # llama.cpp wants rows in order, each as a whole
            context.cache.make_room(len(step))
            for members, depth, token in step:
                context.batch.add_shared([group[member].id for member in members], self.prompt_length + depth, token)
            logits = context.decode()
            self._evaluated += len(step)
            for (members, depth, token), row in zip(step, logits, strict=True):
                context.cache.extend_shared([group[member] for member in members], [token])
                self._note(members, depth + 1, row)

    def _nodes(self, group: Iterable[int], *, sharing: bool) -> Iterator[tuple[list[int], int, int]]:
        """Yield the tokens to evaluate, level by level: the continuations that share it, its depth, and the token."""
        deepest = max(len(self._continuations[index]) for index in group) - 1
        for depth in range(self._stem, deepest):
            together: dict[tuple[int, ...], list[int]] = {}
            for index in group:
                tokens = self._continuations[index]
                if depth < len(tokens) - 1:
                    owner = () if sharing else (index,)
                    together.setdefault((*owner, *tokens[: depth + 1]), []).append(index)
            yield from ((members, depth, prefix[-1]) for prefix, members in together.items())

    def _note(self, members: Iterable[int], depth: int, row: Any) -> None:
        """Record what a row of logits says about the token at `depth` of each member."""
        scored = [(index, tokens) for index in members if depth < len(tokens := self._continuations[index])]
        if not scored:
            return
        rivals: Any = slice(None)
        if self._rivals is not None:  # all members have the same tokens up to here, and so the same rivals
            rivals = self._rivals[tuple(scored[0][1][:depth])]
            if len(rivals) == 1:
                return
        normaliser = _log_sum(row[rivals])
        for index, tokens in scored:
            self._logprobs[index].append(float(row[tokens[depth]]) - normaliser)


def _rivals_of(continuations: Sequence[Sequence[int]]) -> dict[tuple[int, ...], list[int]]:
    """Return the tokens that follow each prefix of the continuations."""
    rivals: dict[tuple[int, ...], list[int]] = {}
    for tokens in continuations:
        for depth, token in enumerate(tokens):
            following = rivals.setdefault(tuple(tokens[:depth]), [])
            if token not in following:
                following.append(token)
    return rivals


def _up_to_last_branch(tokens: Sequence[int], rivals: Mapping[tuple[int, ...], Sequence[int]]) -> Sequence[int]:
    """Return a continuation up to the last token that has rivals."""
    branches = (depth for depth in range(len(tokens) - 1, -1, -1) if len(rivals[tuple(tokens[:depth])]) > 1)
    return tokens[: next(branches, 0) + 1]


def _log_sum(logits: Any) -> float:
    """Return the logarithm of the sum of the exponentials of a row of logits."""
    values = logits.astype(np.float64)
    top = values.max()
    return float(top + np.log(np.exp(values - top).sum()))
