"""A prompt pack: one folder with ``pack.yaml`` and Jinja templates, one template for each role.

Every template renders the same beginning (the task, then the transcript) and puts the role and the instruction last. So
agents that work on one task share a prefix of their prompts, and its cells in the KV cache.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jinja2
import jinja2.sandbox
import yaml
from pydantic import Field, ValidationError

from agentnet.answers.extractors import EXTRACTORS
from agentnet.contracts.base import FileModel, first_problem
from agentnet.contracts.bodies import Assignment, Task, ToolCall
from agentnet.errors import BadInput, NetworkError
from agentnet.files.names import lookup
from agentnet.files.paths import is_file
from agentnet.prompts.transcript import Entry
from agentnet.prompts.words import answer_line, clean, one_line, quoted, step_words, task_words, words

_SHIPPED = Path(__file__).parent / "packs"
_LONGEST_ARGUMENTS = 400
_LONGEST_LABEL = 64
"""Characters of a label; cards name them, and members may write cards."""


class _Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """Restricts templates to reading data: a pack may come with a network file of unknown origin."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may read an attribute. Strings skip the checks, which took a third of the time."""
        return (isinstance(value, str) and not attr.startswith("_")) or super().is_safe_attribute(obj, attr, value)


class PackSpec(FileModel):
    """The content of ``pack.yaml``."""

    name: str
    description: str = ""
    answer_marker: str = Field(min_length=1, description="text before the final answer of a reply")
    extract: str | None = Field(
        default=None, description="name in `agentnet.answers.extractors`: finds the final answer instead of the marker"
    )
    quote: Literal["lines", "line", "nothing"] = Field(
        default="lines",
        description="words of members in `task` and `transcript`: each line marked with its speaker, all in one line, "
        "or as they are (only for templates that show nothing but the task)",
    )
    longest_answer: int | None = Field(
        default=None, ge=3, description="most characters of an answer in the transcript; without it, all of them"
    )
    call: Literal["json", "values"] = Field(
        default="json",
        description="how models write calls of tools, unless their server knows OpenAI's form: as JSON, or as the bare "
        "values of the arguments (for one tool that is always called, whose result is the answer)",
    )
    templates: dict[str, str] = Field(min_length=1, description="role → template file; `call` asks for calls of tools")


@dataclass(frozen=True, slots=True)
class QuotedEntry:
    """An entry of a transcript as templates see it: its words are quoted when they are read."""

    entry: Entry
    spec: PackSpec

    @property
    def letter(self) -> str:
        return self.entry.letter

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def kind(self) -> str:
        return self.entry.kind

    @property
    def verdict(self) -> str:
        return self.entry.verdict

    @property
    def answer(self) -> str:
        """The answer in one line."""
        if self.spec.quote == "nothing":
            return self.entry.answer
        return answer_line(self.entry.answer, self.spec.longest_answer)

    @property
    def text(self) -> str:
        """The whole reply: its lines marked with the letter, or in one line."""
        if self.spec.quote == "nothing":
            return self.entry.text
        if self.spec.quote == "line":
            return answer_line(self.entry.text)
        return quoted(self.entry.text, f"{self.entry.letter}| ")


@dataclass(frozen=True, slots=True)
class QuotedCall:
    """A call of a tool as templates see it: `head` names it, and `text` has the marked lines of its result."""

    call: ToolCall
    number: int

    @property
    def head(self) -> str:
        """The tool and its arguments."""
        arguments = json.dumps(self.call.arguments, ensure_ascii=False)
        return f"[tool {self.number}] {one_line(self.call.tool)} {one_line(arguments, _LONGEST_ARGUMENTS)}"

    @property
    def text(self) -> str:
        """The result, or why there is none, quoted."""
        said = f"(failed) {self.call.error}" if self.call.error else self.call.result
        return quoted(said + ("\n(cut off)" if self.call.cut else ""), f"tool {self.number}| ")


class Pack:
    """A loaded prompt pack."""

    def __init__(self, folder: Path) -> None:
        try:
            self.spec = PackSpec.model_validate(yaml.safe_load((folder / "pack.yaml").read_text(encoding="utf-8")))
        except OSError as error:
            raise NetworkError(f"prompt pack {folder}: no readable pack.yaml there ({error.strerror})") from error
        except yaml.YAMLError as error:
            raise NetworkError(f"prompt pack {folder}: pack.yaml is not YAML: {error}") from error
        except ValidationError as error:
            raise NetworkError(f"prompt pack {folder}: pack.yaml: {first_problem(error)}") from error
        try:
            self._extract = lookup(EXTRACTORS, self.spec.extract, "extractor") if self.spec.extract else None
        except BadInput as error:
            raise NetworkError(f"prompt pack {folder}: pack.yaml: {error}") from error
        environment = _Sandbox(
            loader=jinja2.FileSystemLoader(folder),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
        )
        try:
            self._templates = {role: environment.get_template(file) for role, file in self.spec.templates.items()}
        except jinja2.TemplateError as error:
            raise NetworkError(f"prompt pack {folder}: {type(error).__name__}: {error}") from error

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def roles(self) -> frozenset[str]:
        """The roles that this pack has a template for."""
        return frozenset(self._templates)

    def render(
        self,
        role: str,
        task: Task,
        transcript: Sequence[Entry] = (),
        *,
        step: Assignment | None = None,
        reason: bool = True,
        labels: Sequence[str] = (),
        calls: Sequence[ToolCall] = (),
        **context: Any,
    ) -> str:
        """Return the user message for one role. `context` holds further values that the role's template needs.

        `step` is the step of a plan that the task is. Templates get the words of members and of the task as the pack
        quotes them (`PackSpec.quote`), so that no words look like a part of the prompt. Without `reason`, the prompt
        asks for a bare vote or verdict, without a reason before it. `calls` are the calls of tools that the member made
        in this turn; templates get them quoted, as `results`. Raises `NetworkError`.
        """
        template = self._templates.get(role)
        if template is None:
            raise NetworkError(f"prompt pack {self.name} has no template for the role {role!r}")
        try:
            return template.render(
                task=task.model_copy(update={"text": self._task(task, step)}),
                transcript=[QuotedEntry(entry, self.spec) for entry in transcript],
                marker=self.spec.answer_marker,
                reason=reason,
                labels=[one_line(label, _LONGEST_LABEL) for label in labels],
                results=[QuotedCall(call, number) for number, call in enumerate(calls, start=1)],
                **context,
            )
        except Exception as error:  # a template's expressions can raise anything
            raise NetworkError(f"prompt pack {self.name}, role {role}: {type(error).__name__}: {error}") from error

    def _task(self, task: Task, step: Assignment | None) -> str:
        """Return the text of a task as this pack shows it."""
        if self.spec.quote == "nothing":
            return task.text
        if self.spec.quote == "line":
            return " ".join((clean(task.text) if step is None else words(task.text)).split())
        return task_words(task.text) if step is None else step_words(step)

    def final_answer(self, text: str) -> str | None:
        """Return the text after the last answer marker, up to the end of its line and without the emphasis around it.

        None without a marker. A pack with an extractor uses it instead.
        """
        if self._extract is not None:
            return self._extract(text) or None
        _, marker, tail = text.rpartition(self.spec.answer_marker)
        if not marker:
            return None
        line = tail.strip().split("\n", 1)[0].strip()
        return line.strip("*").strip() or line or None


def shipped_packs() -> tuple[str, ...]:
    """Return the names of the packs that ship with AgentNet."""
    return tuple(sorted(folder.name for folder in _SHIPPED.iterdir() if (folder / "pack.yaml").is_file()))


def find_pack(name: str, beside: Path | None = None) -> Pack:
    """Return the pack of a name: from the folder `beside` (that of the network file), else a shipped one.

    Raises `NetworkError`.
    """
    if beside is not None and is_file(beside / name / "pack.yaml"):
        return _load(beside / name)
    if name in shipped_packs():
        return _load(_SHIPPED / name)
    raise NetworkError(f"no prompt pack {name!r}: the shipped ones are {', '.join(shipped_packs())}")


@cache
def _load(folder: Path) -> Pack:
    return Pack(folder)
