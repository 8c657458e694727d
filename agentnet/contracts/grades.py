"""How the members of a network grade each other's answers (AI-Model Network, arXiv 2606.27382, section 3.6)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from agentnet.contracts.base import FileModel

GradeName = Annotated[str, Field(min_length=1, max_length=32)]
Scale = Annotated[tuple[GradeName, ...], Field(min_length=2, max_length=26)]

LETTERS: tuple[str, ...] = ("A", "B", "C")
"""The published scale, best grade first."""
VERDICTS: tuple[str, ...] = ("approve", "disapprove")
"""The scale of members whose prompts know verdicts only."""


class MeanGrade(FileModel):
    """The mean of the grades that one member gave another one: from 1, the lowest, to the number of grades."""

    mean: float = Field(ge=1, le=26)
    items: int = Field(ge=1, description="answers that were graded")
    missing: int = Field(default=0, ge=0, description="grades that did not parse or did not come; they count nowhere")


class Grades(FileModel):
    """The mutual grades of a network: the content of a file that `agentnet grade` writes."""

    scale: Scale = Field(default=LETTERS, description="the grades, best first; the k-th of n counts n - k + 1")
    given: dict[str, dict[str, MeanGrade]] = Field(description="judge → member → its grades")
    suite: str = Field(default="", description="the questions, precisely enough to ask them again")
    seed: int | None = None
    graded_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _within_scale(self) -> Grades:
        for judge, grades in self.given.items():
            for member, grade in grades.items():
                if judge == member:
                    raise ValueError(f"{judge} grades itself; a member's own grades do not count")
                if grade.mean > len(self.scale):
                    raise ValueError(f"{judge} gives {member} {grade.mean:g}, above the scale of {len(self.scale)}")
        return self

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """Judge → member → mean grade."""
        return {judge: {member: grade.mean for member, grade in grades.items()} for judge, grades in self.given.items()}
