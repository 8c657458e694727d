"""A prompt pack: one folder with ``pack.yaml`` and Jinja templates, one template for each role.

Every template renders the same beginning (the task, then the transcript) and puts the role and the instruction last, so
that agents working on one task share the beginning of their prompts, and with it the cached part of the model's state.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import jinja2.sandbox
import yaml
from pydantic import Field, ValidationError

from agentnet.answers.extractors import EXTRACTORS
from agentnet.contracts.base import FileModel, first_problem
from agentnet.contracts.bodies import Task
from agentnet.errors import BadInput, NetworkError
from agentnet.files.names import lookup
from agentnet.files.paths import is_file
from agentnet.prompts.transcript import Entry

_SHIPPED = Path(__file__).parent / "packs"


class _Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """A pack may come with a network file from elsewhere: its templates read data and do nothing else."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Text is data: it needs none of the checks (they took a third of the time of a short prompt)."""
        return (isinstance(value, str) and not attr.startswith("_")) or super().is_safe_attribute(obj, attr, value)


class PackSpec(FileModel):
    """The content of ``pack.yaml``."""

    name: str
    description: str = ""
    answer_marker: str = Field(min_length=1, description="stands before the final answer in a reply")
    extract: str | None = Field(
        default=None, description="how a final answer is found instead: a name in `agentnet.answers.extractors`"
    )
    templates: dict[str, str] = Field(min_length=1, description="role → template file")


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
        self, role: str, task: Task, transcript: Sequence[Entry] = (), *, reason: bool = True, **context: Any
    ) -> str:
        """The user message for one role. `context` holds what a role needs beyond task and transcript.

        Without `reason` a vote or a verdict is asked for alone, with no words before it.
        """
        template = self._templates.get(role)
        if template is None:
            raise NetworkError(f"prompt pack {self.name} has no template for the role {role!r}")
        try:
            return template.render(
                task=task, transcript=transcript, marker=self.spec.answer_marker, reason=reason, **context
            )
        except Exception as error:  # a template can fail in any way that an expression can
            raise NetworkError(f"prompt pack {self.name}, role {role}: {type(error).__name__}: {error}") from error

    def final_answer(self, text: str) -> str | None:
        """What stands behind the last answer marker, up to the end of its line and without the emphasis around it.

        None where there is no marker, unless the pack names another way to find the answer.
        """
        if self._extract is not None:
            return self._extract(text) or None
        _, found, tail = text.rpartition(self.spec.answer_marker)
        if not found:
            return None
        line = tail.strip().split("\n", 1)[0].strip()
        return line.strip("*").strip() or line or None


def shipped_packs() -> tuple[str, ...]:
    """The names of the packs that come with AgentNet."""
    return tuple(sorted(folder.name for folder in _SHIPPED.iterdir() if (folder / "pack.yaml").is_file()))


def find_pack(name: str, beside: Path | None = None) -> Pack:
    """The pack of a name: a folder `beside` the network file first, then a shipped one."""
    if beside is not None and is_file(beside / name / "pack.yaml"):
        return _load(beside / name)
    if name in shipped_packs():
        return _load(_SHIPPED / name)
    raise NetworkError(f"no prompt pack {name!r}: the shipped ones are {', '.join(shipped_packs())}")


@cache
def _load(folder: Path) -> Pack:
    return Pack(folder)
