"""Where canaries come from: generated families, the owner's files, and questions whose answers were reported right."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentnet.answers import normalise
from agentnet.answers.numbers import value
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.profiles import Canaries
from agentnet.errors import BadInput
from agentnet.files.names import lookup
from agentnet.files.paths import written_path
from agentnet.files.tables import records
from agentnet.profiles.books import UNLABELLED
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import split_of

TRIES = 500
"""How often a family is drawn from until there is a question that a member does not know."""


@dataclass(frozen=True, slots=True)
class Known:
    """A question with its right answers. `suite` says where it is from."""

    label: str
    text: str
    answers: tuple[str, ...]
    suite: str

    @property
    def digest(self) -> str:
        return digest(self.text)

    def is_right(self, answer: str) -> bool:
        """Return whether an answer is one of the right ones: in the same words, or the same number."""
        said = value(answer)
        return any(
            normalise(answer) == normalise(right) or (said is not None and said == value(right))
            for right in self.answers
        )


def digest(text: str) -> str:
    """Return the digest of a question; white space makes no difference."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:24]


class Questions:
    """The questions that a network's canaries are drawn from. `known` may be replaced while it works."""

    def __init__(self, families: Iterable[str], files: Sequence[Known], *, seed: int | None = None) -> None:
        """`seed` makes the draws repeatable; None for canaries that nobody can foresee. Raises `BadInput`."""
        self._families = {name: lookup(FAMILIES, name, "family of the zoo") for name in families}
        self._files = tuple(files)
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()
        self.reported: tuple[Known, ...] = ()
        """Questions of runs whose answer was reported right."""

    @classmethod
    def of(cls, rules: Canaries, network: NetworkSpec, folder: Path) -> Questions:
        """Return the questions of a network. `folder` is where its relative paths start from. Raises `BadInput`.

        Without `families`, those whose names are labels on the members' cards are taken: questions of other kinds would
        stand out among its work.
        """
        labels = {label for member in network.agents for label in member.card.labels}
        families = rules.families if rules.families is not None else tuple(sorted(labels & FAMILIES.keys()))
        try:
            return cls(families, tuple(known for file in rules.questions for known in read(file, folder)))
        except BadInput as error:
            raise BadInput(f"network {network.name!r}: canaries: {error}") from error

    @property
    def labels(self) -> frozenset[str]:
        """The labels that never run out, or that a file has questions of."""
        return frozenset(self._families) | {known.label for known in self._files}

    def draw(self, label: str | None, knows: Collection[str]) -> Known | None:
        """Return a question that a member does not know yet; None where there is none left.

        `knows` are the digests of those that it knows. With a `label`, it is one of that label.
        """
        sources = [name for name in self._families if label in (None, name)]
        kept = [
            known
            for known in (*self._files, *self.reported)
            if label in (None, known.label) and known.digest not in knows
        ]
        if kept and (not sources or self._random.random() < 0.5):
            return self._random.choice(kept)
        if not sources:
            return None
        return next(self._generated(self._random.choice(sources), knows), None)

    def _generated(self, name: str, knows: Collection[str]) -> Iterator[Known]:
        family = self._families[name]
        for _ in range(TRIES):
            item = family.generate(self._random)
            if split_of(item) == "test" and digest(item.question) not in knows:
                yield Known(name, item.question, (item.answer,), f"zoo family {name}, generated")


def read(file: str, folder: Path) -> list[Known]:
    """Return the questions of a file. `label` may be missing, and `answer` may be a list. Raises `BadInput`."""
    path = folder / written_path(file)
    found = []
    for record in records(path):
        given = record.value("answer")
        several = given if isinstance(given, list) else [record.text("answer")]
        label = record.text("label") if "label" in record.fields else UNLABELLED
        found.append(Known(label, record.text("question"), tuple(str(one) for one in several), path.name))
    return found
