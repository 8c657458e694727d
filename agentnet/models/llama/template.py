"""Chat templates: Jinja text from the GGUF file or the spec, rendered in a sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import jinja2
import jinja2.sandbox

from agentnet.errors import ModelError, ModelFileError
from agentnet.models.base import ChatMessage

_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For files without a template: the format that most instruction-tuned models know."""


class ChatTemplate:
    """Turns chat messages into the text that the model was trained on."""

    def __init__(self, text: str | None, *, path: Path, bos: str, eos: str) -> None:
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        self._path, self._bos, self._eos = path, bos, eos
        try:
            self._template = environment.from_string(text or _CHATML)
        except (jinja2.TemplateError, RecursionError) as error:
            raise ModelFileError(
                f"{path}: its chat template is not usable ({error}); give one as `chat_template`"
            ) from error

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """Return the prompt text, up to where the reply begins. Raises `ModelError` where the template refuses."""
        try:
            return self._template.render(
                messages=list(messages),
                add_generation_prompt=True,
                bos_token=self._bos,
                eos_token=self._eos,
                tools=None,
            )
        except Exception as error:
            # A template is a foreign program: beside its own refusals it may raise anything.
            raise ModelError(f"{self._path}: its chat template refuses this prompt: {error}") from error


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _to_json(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, **options)
