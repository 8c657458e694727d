"""Traces: the readings behind many sequences of one session, evaluated together as a tree.

A token that several sequences begin with is evaluated once for all of them. The first sequence continues in the
session's own sequence, the others in forks of it that are dropped when the logits are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentnet.contracts.usage import Usage
from agentnet.models.llama.cache import Cache
from agentnet.models.llama.cells import CachedSequence
from agentnet.models.llama.context import Context
from agentnet.models.llama.dispatcher import ResultDispatcher
from agentnet.models.llama.job import Job
from agentnet.models.llama.prefix import common_prefix
from agentnet.models.tokens import Reading


@dataclass(slots=True, eq=False)
class _Node:
    """A token of the tree, at a position behind the tokens that all sequences begin with."""

    token: int
    depth: int
    paths: list[int]
    """The indexes of the paths through it."""
    children: dict[int, _Node] = field(default_factory=dict)
    row: int | None = None
    """The index of its logits; None where it was not evaluated."""


class Trace(Job):
    """Evaluates sequences that begin with one prompt, in one step, and reads the logits behind each.

    The first sequence is always evaluated; of the others, those for which the cache has sequence numbers.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        sequences: Sequence[Sequence[int]],
        reading: Reading[Any],
        *,
        pooled: bool,
        session: object,
        priority: int,
    ) -> None:
        """`sequences` are the tokens behind the prompt. `pooled` says whether a token may belong to several sequences
        of the cache: otherwise each path of the tree is evaluated by itself."""
        shared = min(map(len, sequences))
        for sequence in sequences[1:]:
            shared = common_prefix(sequences[0], sequence, shared)
        if any(len(sequence) == shared for sequence in sequences):
            shared -= 1  # the logits behind its last token are wanted: that token is the root of the tree
        whole = [[*prompt, *sequence] for sequence in sequences]
        base = len(prompt) + shared
        self._targets: list[_Node] = []
        self._paths: list[list[_Node]] = []
        self._grow([tokens[base:] for tokens in whole])
        self._pooled = pooled
        self._nodes = [
            (path, node)
            for path, nodes in enumerate(self._paths)
            for node in nodes
            if not pooled or node.paths[0] == path
        ]
        super().__init__(
            [*whole[0][:base], *(node.token for node in self._paths[0])], wanted_from=base, priority=priority
        )
        self.session = session
        self.branches = len(self._nodes) - len(self._paths[0])
        """Tokens of the tree beside those of its first path."""
        self._reading = reading
        self._forks: list[CachedSequence] = []
        self._read: list[Any] = []
        self._added: list[tuple[list[CachedSequence], int, int, _Node | None]] = []
        self._beside = 0
        """Tokens that were evaluated beside those of the first path."""
        for row, node in enumerate(self._paths[0]):
            node.row = row

    def _grow(self, sequences: Sequence[Sequence[int]]) -> None:
        """Make the tree: its paths from a root to a leaf (the first one leads through the first sequence's last token)
        and the node at the end of each sequence."""
        roots: dict[int, _Node] = {}
        for sequence in sequences:
            children = roots
            for depth, token in enumerate(sequence):
                node = children.setdefault(token, _Node(token, depth, []))
                children = node.children
            self._targets.append(node)
        first = self._targets[0]

        def follow(above: list[_Node]) -> None:
            node = above[-1]
            if not node.children:
                self._paths.append(above)
            for child in node.children.values():
                follow([*above, child])

        for root in roots.values():
            follow([root])
        self._paths.sort(key=lambda path: first not in path)
        for number, path in enumerate(self._paths):
            for node in path:
                node.paths.append(number)

    @property
    def rows(self) -> int:
        """How many tokens the tree has."""
        return len(self._nodes)

    @property
    def pending(self) -> int:
        if not self._pooled and self.cached < self.wanted_from:
            return self.wanted_from - self.cached  # what all paths begin with, before the sequence is forked
        return super().pending + self.branches

    @property
    def forking(self) -> bool:
        """Whether what is pending is all that the job needs, and a tree: then `fill` adds it to the batch."""
        return self.branches > 0 and (self._pooled or self.cached >= self.wanted_from)

    def fill(self, context: Context) -> int:
        """Add everything that is not evaluated yet to the batch; return how many rows of logits that gives."""
        assert self.sequence is not None
        self._forks = []
        while len(self._forks) < len(self._paths) - 1 and (fork := context.cache.fork(self.sequence)) is not None:
            self._forks.append(fork)
        self._added = list(self._entries(len(self.sequence.tokens)))
        for _, node in self._nodes:
            node.row = None
        rows = 0
        for owners, position, token, target in self._added:
            context.batch.add_shared([owner.id for owner in owners], position, token, wanted=target is not None)
            if target is not None:
                target.row, rows = rows, rows + 1
        return rows

    def _entries(self, start: int) -> Iterator[tuple[list[CachedSequence], int, int, _Node | None]]:
        """Yield the tokens of the step from a position on: the sequences they belong to, position, token, and the node
        whose logits are wanted."""
        live = self._live
        for position in range(start, self.wanted_from):
            yield live, position, self.tokens[position], None
        nodes = [(path, node) for path, node in self._nodes if path < len(live)]
        if not self._pooled:  # llama.cpp wants rows in order, each as a whole
            nodes.sort(key=lambda entry: live[entry[0]].id)
        for path, node in nodes:
            owners = [live[other] for other in node.paths if other < len(live)] if self._pooled else [live[path]]
            yield owners, self.wanted_from + node.depth, node.token, node if node.paths[0] == path else None

    def extend(self, cache: Cache) -> int:
        """Note in the cache what `fill` has added to the batch; return how many tokens were evaluated."""
        self._beside = len(self._added) - super().pending
        for owners, _, token, _ in self._added:
            cache.extend_shared(owners, [token])
        return len(self._added)

    @property
    def _live(self) -> list[CachedSequence]:
        """The sequences of the paths, as far as there are any."""
        assert self.sequence is not None
        return [self.sequence, *self._forks]

    def take(self, context: Context, logits: Any, last: int, dispatcher: ResultDispatcher) -> bool:
        try:
            self._read = [None if node.row is None else self._reading.of(logits[node.row]) for node in self._targets]
        finally:
            for fork in self._forks:
                context.cache.drop(fork)
            self._forks = []
        return True

    def result(self) -> tuple[list[Any], Usage]:
        usage = self.usage(0)
        return self._read, usage.model_copy(update={"prompt_tokens": usage.prompt_tokens + self._beside})
