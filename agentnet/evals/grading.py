"""From a reply to a score: the extractor and the scorer of each type of answer."""

from __future__ import annotations

from dataclasses import dataclass

from agentnet.answers.extractors import EXTRACTORS
from agentnet.contracts.evaluations import Item
from agentnet.evals.scorers import SCORERS
from agentnet.evals.suite import AnswerType, DatasetSpec
from agentnet.files.names import lookup

_OF_TYPE: dict[AnswerType, tuple[str, str]] = {
    "exact": ("after-marker", "same"),
    "numeric": ("last-number", "number"),
    "choice": ("letter", "choice"),
    "yes-no": ("yes-no", "yes-no"),
    "set": ("list", "set"),
    "judged": ("whole", "same"),
}
"""Type of answer → extractor, scorer."""


@dataclass(frozen=True, slots=True)
class Grading:
    """How the answers of one dataset are scored. Raises `BadInput` for unknown names."""

    answer: AnswerType
    extractor: str
    scorer: str
    tolerance: float = 0.0
    judge: str | None = None

    def __post_init__(self) -> None:
        lookup(EXTRACTORS, self.extractor, "extractor")
        lookup(SCORERS, self.scorer, "scorer")

    @classmethod
    def of(cls, spec: DatasetSpec, default: AnswerType, scorer: str | None = None) -> Grading:
        """Return the grading of a dataset: what its suite says, else what its loader says.

        `default` is the loader's type of answer, `scorer` its scorer, where that type's own would not do.
        """
        answer = spec.answer or default
        extractor, scorer_of_type = _OF_TYPE[answer]
        if scorer is not None and answer == default:
            scorer_of_type = scorer
        return cls(answer, spec.extract or extractor, spec.score or scorer_of_type, spec.tolerance, spec.judge)

    def extract(self, answer: str) -> str:
        """Return the answer within a reply, in the form that is scored."""
        return EXTRACTORS[self.extractor](answer)

    def score(self, answer: str, item: Item) -> float | None:
        """Return how right a reply is, from 0 to 1; None for judged answers, which an agent grades."""
        if self.answer == "judged":
            return None
        return SCORERS[self.scorer](self.extract(answer), item, self.tolerance)
