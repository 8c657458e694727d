"""Chat templates: Jinja text from the GGUF file or the spec, rendered in a sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2

from agentnet.errors import ModelError, ModelFileError
from agentnet.models.base import ChatMessage
from agentnet.models.llama.chat_environment import chat_environment

_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For files without a template: the format that most instruction-tuned models know."""


class ChatTemplate:
    """Turns chat messages into the text that the model was trained on."""

    def __init__(self, text: str | None, *, path: Path, bos: str, eos: str) -> None:
        self._path, self._bos, self._eos = path, bos, eos
        try:
            self._template = chat_environment().from_string(text or _CHATML)
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
