"""The wording of questions: one template for each type of answer, unless the suite has its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jinja2
import jinja2.sandbox

from agentnet.errors import BadInput
from agentnet.evals.suite import AnswerType

_QUESTION = """\
{% if context %}
{{ context }}

{% endif %}
{{ question }}
{% for choice in choices %}
{{ choice }}
{% endfor %}
"""
_CLOSING: dict[AnswerType, str] = {
    "choice": "Answer with the letter of the right choice.",
    "yes-no": "Answer yes or no.",
    "set": "Answer with a list, separated by commas.",
}
_ENVIRONMENT = jinja2.sandbox.ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
)


class Choice(NamedTuple):
    """One of the choices, written ``A) Paris``."""

    letter: str
    text: str

    def __str__(self) -> str:
        return f"{self.letter}) {self.text}"


class Prompt:
    """A template with `question`, `context` (perhaps empty) and `choices` (a list; `letter` and `text` of each)."""

    def __init__(self, template: str) -> None:
        try:
            self._template = _ENVIRONMENT.from_string(template)
        except jinja2.TemplateError as error:
            raise BadInput(f"prompt: {error}; {{{{ question }}}}, context and choices can stand in it") from error

    @classmethod
    def of(cls, answer: AnswerType) -> Prompt:
        """Return the template of a type of answer."""
        return cls(_QUESTION + _CLOSING.get(answer, ""))

    def render(self, place: str, question: str, context: str = "", choices: Sequence[Choice] = ()) -> str:
        """Return the whole task. `place` names the question's file and line in errors. Raises `BadInput`."""
        try:
            text = self._template.render(question=question, context=context, choices=list(choices)).strip()
        except Exception as error:  # a template can fail in any way that an expression can
            raise BadInput(f"{place}: prompt: {type(error).__name__}: {error}") from error
        if not text:
            raise BadInput(f"{place}: the prompt comes out empty; does it name {{{{ question }}}}?")
        return text
