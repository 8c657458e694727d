"""A protocol as a model of lm-evaluation-harness. Importing this module registers it there as ``agentnet``."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from agentnet.bridges.background import BackgroundLoop
from agentnet.bridges.likelihood import INSTEAD, PROMPTS, likelihoods, lone_agent, prompt
from agentnet.bridges.respondent import Respondent
from agentnet.contracts.conversation import Conversation
from agentnet.errors import BadInput, PreflightError

try:
    from lm_eval.__main__ import cli_evaluate
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM
    from lm_eval.api.registry import register_model
    from tqdm import tqdm
except ImportError as error:
    raise BadInput(f'lm-eval is not installed ({error}); pip install "agentnet-ai[lm-eval]"') from error

AT_ONCE = 8
"""Concurrent questions, unless ``--batch_size`` is a number."""

harness_command: Callable[[], None] = cli_evaluate
_living: weakref.WeakSet[NetworkLM] = weakref.WeakSet()


@register_model("agentnet")
class NetworkLM(LM):
    """A model whose replies are a protocol's answers.

    ``--model_args protocol=vote,network=zoo,label=math,seed=0,unanswered=error`` sets it up. Models are loaded at the
    first request and released by `close`, or when the object is garbage-collected.
    """

    def __init__(
        self,
        protocol: str = "best",
        network: str | None = None,
        label: str | None = None,
        seed: int = 0,
        unanswered: str = "error",
        prompt: str = "agent",
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
        device: str | None = None,
        **unknown: Any,
    ) -> None:
        """Check the model arguments; nothing is loaded yet. Raises `BadInput`.

        `prompt` is the kind of prompt for log-likelihoods (`likelihood.PROMPTS`), `batch_size` the number of concurrent
        questions; `device` has no effect.
        """
        super().__init__()
        if unknown:
            known = "protocol, network, label, seed, unanswered, prompt"
            raise BadInput(f"unknown model argument {next(iter(unknown))!r} (known: {known})")
        if prompt not in PROMPTS:
            raise BadInput(f"prompt: expected {' or '.join(PROMPTS)}, found {prompt!r}")
        label = None if label is None else str(label)
        self.respondent = Respondent(str(protocol), network, label=label, seed=int(seed), unanswered=unanswered)
        self.at_once = int(batch_size or AT_ONCE) if str(batch_size).isdecimal() else AT_ONCE
        self._prompt = prompt
        self._loop = BackgroundLoop()
        # Without waiting: the finalizer may run in any thread.
        self._dropped = weakref.finalize(self, self._loop.stop)
        self._dropped.atexit = False
        _living.add(self)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Return the answers to the requests' contexts, each cut off at its first stop string (``until``).

        Other generation settings are the agents' own. Raises the errors of `Respondent.ask`.
        """

        async def answer(request: Instance) -> str:
            context, settings = request.args
            outcome = await self.respondent.ask(context)
            text = until(outcome.answer or "", settings.get("until") or ())
            self.cache_hook.add_partial("generate_until", request.args, text)
            return text

        return self._loop.run(_each(answer, requests, self.at_once, "Answers", disable_tqdm))

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Return the log-probability of each continuation as a reply, and whether it is the greedy reply.

        Raises `PreflightError` unless the protocol is one agent's single turn and its model runs in process.
        """
        indices: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            indices.setdefault(request.args[0], []).append(index)

        async def score(context: str) -> list[tuple[float, bool]]:
            agent = lone_agent(await self.respondent.session(), self.respondent.protocol, self.respondent.label)
            continuations = [requests[index].args[1] for index in indices[context]]
            request = prompt(agent, context, self.respondent.label, self._prompt)
            return await likelihoods(agent, request, continuations)

        scored = self._loop.run(_each(score, list(indices), self.at_once, "Contexts", disable_tqdm))
        results: dict[int, tuple[float, bool]] = {}
        for context, scores in zip(indices, scored, strict=True):
            results.update(zip(indices[context], scores, strict=True))
        for index, request in enumerate(requests):
            self.cache_hook.add_partial("loglikelihood", request.args, results[index])
        return [results[index] for index in range(len(requests))]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Raise `PreflightError`: an agent replies to a task, and cannot score a whole text."""
        raise PreflightError(f"agents give no log-likelihood of a whole text (perplexity); {INSTEAD}")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Return a conversation as the text of one task; each agent's own chat template is applied later."""
        return Conversation.of(chat_history).text()

    @property
    def tokenizer_name(self) -> str:
        """The part of the cache's key that stands for the form of conversations."""
        return "agentnet"

    def close(self) -> None:
        """Release the models and end the thread; the object cannot be used afterwards. Closing twice is harmless."""
        self._loop.close()


def close_all() -> None:
    """Close every model that is still open."""
    for model in list(_living):
        model.close()


def until(text: str, stops: str | Iterable[str]) -> str:
    """Return the text up to the first stop string in it."""
    strings = [stops] if isinstance(stops, str) else stops
    return text[: min((end for stop in strings if stop and (end := text.find(stop)) >= 0), default=len(text))]


async def _each(work: Callable[[Any], Any], items: Sequence[Any], at_once: int, what: str, silent: bool) -> list[Any]:
    """The results for all items, in order, `at_once` of them at a time. The first failure cancels the others."""
    free = asyncio.Semaphore(at_once)
    with tqdm(total=len(items), desc=what, disable=silent) as bar:

        async def result_of(item: Any) -> Any:
            async with free:
                result = await work(item)
            bar.update()
            return result

        tasks = [asyncio.create_task(result_of(item)) for item in items]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
