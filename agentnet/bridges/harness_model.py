"""A protocol as a model of lm-evaluation-harness. Importing this registers it there as ``agentnet``."""

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
"""Questions at a time, unless ``--batch_size`` is a number."""

harness_command: Callable[[], None] = cli_evaluate
_living: weakref.WeakSet[NetworkLM] = weakref.WeakSet()


@register_model("agentnet")
class NetworkLM(LM):
    """Answers by a protocol; ``--model_args protocol=vote,network=zoo,label=math,seed=0,unanswered=error``.

    Models are loaded at the first request and released by `close`, or when the object is gone.
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
        """`prompt` is what log-likelihoods are asked behind (`likelihood.PROMPTS`), `batch_size` the number of
        questions at a time; `device` has no meaning here. Raises `BadInput`.
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
        # Without waiting: this may run wherever the object happens to be dropped.
        self._dropped = weakref.finalize(self, self._loop.stop)
        self._dropped.atexit = False
        _living.add(self)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """The answers to some contexts, each cut off at the first of its stop strings (``until``).

        Raises what `Respondent.ask` raises. Other generation settings are the agents' own.
        """

        async def answer(request: Instance) -> str:
            context, settings = request.args
            outcome = await self.respondent.ask(context)
            text = until(outcome.answer or "", settings.get("until") or ())
            self.cache_hook.add_partial("generate_until", request.args, text)
            return text

        return self._loop.run(_each(answer, requests, self.at_once, "Answers", disable_tqdm))

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Log-probability of each continuation as a reply, and whether it is the greedy one.

        Raises `PreflightError` unless the protocol is one agent's single turn and its model runs in process.
        """
        places: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            places.setdefault(request.args[0], []).append(place)

        async def score(context: str) -> list[tuple[float, bool]]:
            agent = lone_agent(await self.respondent.session(), self.respondent.protocol, self.respondent.label)
            continuations = [requests[place].args[1] for place in places[context]]
            request = prompt(agent, context, self.respondent.label, self._prompt)
            return await likelihoods(agent, request, continuations)

        scored = self._loop.run(_each(score, list(places), self.at_once, "Contexts", disable_tqdm))
        found: dict[int, tuple[float, bool]] = {}
        for context, scores in zip(places, scored, strict=True):
            found.update(zip(places[context], scores, strict=True))
        for place, request in enumerate(requests):
            self.cache_hook.add_partial("loglikelihood", request.args, found[place])
        return [found[place] for place in range(len(requests))]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Always raises `PreflightError`: an agent replies to a task, it does not go on with a text."""
        raise PreflightError(f"agents give no log-likelihood of a whole text (perplexity); {INSTEAD}")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """A conversation as the text of one task: each agent's own chat template is applied later."""
        return Conversation.of(chat_history).text()

    @property
    def tokenizer_name(self) -> str:
        """What tells cached requests of one form of conversation from those of another."""
        return "agentnet"

    def close(self) -> None:
        """Release the models and end the thread; the object is of no use afterwards. Closing twice is harmless."""
        self._loop.close()


def close_all() -> None:
    """Close every model that is left."""
    for model in list(_living):
        model.close()


def until(text: str, stops: str | Iterable[str]) -> str:
    """The text up to the first of the stop strings."""
    given = [stops] if isinstance(stops, str) else stops
    return text[: min((place for stop in given if stop and (place := text.find(stop)) >= 0), default=len(text))]


async def _each(work: Callable[[Any], Any], items: Sequence[Any], at_once: int, what: str, silent: bool) -> list[Any]:
    """The results for all items, in order, so many at a time. The first failure ends the others."""
    free = asyncio.Semaphore(at_once)
    with tqdm(total=len(items), desc=what, disable=silent) as bar:

        async def one(item: Any) -> Any:
            async with free:
                result = await work(item)
            bar.update()
            return result

        tasks = [asyncio.create_task(one(item)) for item in items]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
