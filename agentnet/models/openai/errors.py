"""Failures of an OpenAI-compatible server: their causes, whether to retry, and their messages."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import openai

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.errors import BadResponse, ContextOverflow, ModelError, ModelUnavailable, RateLimited, SchemaUnsupported
from agentnet.models.openai.keys import HOSTS_OF
from agentnet.redaction import redacted

RETRIED = (408, 409, 429)
"""Statuses worth a retry, besides every 5xx."""
SHOWN = 200
"""Characters of a server's answer that a message quotes."""
MOVED = "if the server has moved, write its new address as base_url"
CHECK_URL = "check that base_url leads to an OpenAI-compatible server (it usually ends in /v1)"

_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|exceeds? .{0,40}context|prompt is too long"
)
_FORMAT = re.compile(r"response.?format|json.?(schema|object|mode)|grammar|structured output|guided")
_TOOLS = re.compile(r"\btools?\b|tool.?(choice|calls?)|function.?call")
_OPTIONAL = ("stream_options", "logprobs", "temperature", "top_p", "top_k", "min_p", "seed")


def quoted(data: object) -> str:
    """Return the beginning of a server's response, on one line, in quotes."""
    return repr(_brief(data))


def refused_field(fields: Mapping[str, Any], error: BaseException) -> str | None:
    """Return the request field that a server refuses, if the request can do without it.

    Some servers answer 500 to a field that they do not know.
    """
    if not isinstance(error, openai.APIStatusError) or error.status_code not in (400, 422, 500, 501):
        return None
    if _overflows(error):
        return None
    words = _server_message(error).lower()
    if "max_tokens" in fields and "max_completion_tokens" in words:
        return "max_tokens"
    if "tools" in fields and _TOOLS.search(words):
        return "tools"
    if "response_format" in fields and _FORMAT.search(words):
        return "response_format"
    return next((name for name in _OPTIONAL if name in fields and re.search(rf"\b{name}\b", words)), None)


def worth_retrying(error: BaseException) -> bool:
    """Return whether the same request may succeed a little later."""
    if isinstance(error, openai.APIStatusError):
        busy = error.status_code in RETRIED or error.status_code >= 500
        return busy and error.code != "insufficient_quota" and not _overflows(error)
    return isinstance(error, openai.APIConnectionError | TimeoutError | ModelUnavailable)


def wanted_pause(error: BaseException | None) -> float | None:
    """Return the seconds to wait by a server's Retry-After header (a number or a date); None without one."""
    if not isinstance(error, openai.APIStatusError):
        return None
    value = error.response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def translated(error: Exception, spec: OpenAISpec, url: str, tries: int = 1) -> ModelError:
    """Return the error of AgentNet for a failed request."""
    if isinstance(error, ModelError):
        return error
    after = f" after {tries} tries" if tries > 1 else ""
    if _overflows(error):
        return ContextOverflow(
            f"{url}: the prompt is too long for {spec.model}, {_quoted(error)}; shorten the transcript"
        )
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, spec, url, after)
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return ModelUnavailable(
            f"{url}: no answer from {spec.model} within {spec.timeout:g} s{after}; check the server, or raise `timeout`"
        )
    if isinstance(error, openai.APIConnectionError):
        return ModelUnavailable(
            f"{url}: cannot be reached{after} ({_brief(error.__cause__ or error)}); check that the server runs, "
            f"and base_url or ${spec.base_url_env}"
        )
    if isinstance(error, openai.APIError):
        return ModelUnavailable(f"{url}: {spec.model} failed during its reply, {_quoted(error)}; see the server's log")
    if isinstance(error, ValueError | TypeError | ArithmeticError | LookupError | RecursionError):
        return BadResponse(f"{url} sent an unreadable response ({_brief(error)}); {CHECK_URL}")
    return ModelUnavailable(f"{url}: the connection broke ({type(error).__name__}: {_brief(error)}); check the server")


def _brief(data: object) -> str:
    """Return the beginning of what a server said, or of an error that may repeat it, on one line."""
    text = redacted(" ".join(str(data).split()))
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _of_status(error: openai.APIStatusError, spec: OpenAISpec, url: str, after: str) -> ModelError:
    status, words = error.status_code, _quoted(error)
    if 300 <= status < 400:
        leads = error.response.headers.get("location", "")
        return ModelError(f"{url}: redirects to {quoted(leads)} ({status}), which is not followed; {MOVED}")
    if status in (401, 403):
        host = urlsplit(url).hostname
        return ModelError(
            f"{url}: refuses the key ({status}), {words}; check the environment variable {spec.api_key_env} "
            f"(is it for this server? then set {spec.api_key_env}{HOSTS_OF}={host})"
        )
    if status == 404:
        return ModelError(f"{url}: does not know the model {spec.model} or the path (404), {words}; {CHECK_URL}")
    if status == 429:
        return RateLimited(f"{url}: still too many requests{after} (429), {words}; wait, or lower the network's load")
    if worth_retrying(error):
        return ModelUnavailable(f"{url}: fails{after} ({status}), {words}; see the server's log")
    if _FORMAT.search(_server_message(error).lower()):
        return SchemaUnsupported(f"{url}: refuses the reply format ({status}), {words}; set `structured` to auto")
    return ModelError(f"{url}: refuses the request ({status}), {words}; check the model's settings")


def _overflows(error: BaseException) -> bool:
    """Whether a server refuses because the prompt does not fit into the model's context."""
    return isinstance(error, openai.APIError) and _OVERFLOW.search(_server_message(error).lower()) is not None


def _server_message(error: openai.APIError) -> str:
    """The server's own message in an error."""
    body = error.body
    if isinstance(body, Mapping):
        code = f" ({body['code']})" if isinstance(body.get("code"), str) else ""
        return f"{body.get('message') or body.get('detail') or body.get('error') or dict(body)}{code}"
    return str(body or error.message)


def _quoted(error: Exception) -> str:
    """The server's message, quoted."""
    return quoted(_server_message(error) if isinstance(error, openai.APIError) else str(error))
