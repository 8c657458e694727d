"""Keys of servers: which variable of the environment may be sent to which host.

A network file names the variable, and a file may come from a stranger: without these rules it could send any variable
to any server. A variable is sent

- where ``NAME_HOST`` is set: to the hosts that it lists (``gpu.example, 10.0.0.7:8000``), and to no others;
- to its provider's own hosts over https, where it is one of `PROVIDERS`;
- to the server whose address stands in the environment beside it (``TEAM_API_KEY`` with ``TEAM_BASE_URL``);
- to the server that the file names, where it begins with ``AGENTNET_KEY_``: such a variable is there for network files.

A server that a member brought with it gets no key.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from urllib.parse import unquote

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.errors import ModelError
from agentnet.logs import logger
from agentnet.models.addresses import AddressPolicy, Server
from agentnet.redaction import KEY_PREFIX, know, know_variables, secret_values

log = logger("remote")

HOSTS_OF = "_HOST"
"""What follows the name of a key's variable in the name of the variable that lists its hosts."""

PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "ANTHROPIC_API_KEY": ("api.anthropic.com",),
    "AZURE_OPENAI_API_KEY": (".openai.azure.com", ".services.ai.azure.com"),
    "CEREBRAS_API_KEY": ("api.cerebras.ai",),
    "COHERE_API_KEY": ("api.cohere.com", "api.cohere.ai"),
    "DASHSCOPE_API_KEY": ("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"),
    "DEEPINFRA_API_KEY": ("api.deepinfra.com",),
    "DEEPSEEK_API_KEY": ("api.deepseek.com",),
    "FIREWORKS_API_KEY": ("api.fireworks.ai",),
    "GEMINI_API_KEY": ("generativelanguage.googleapis.com",),
    "GOOGLE_API_KEY": ("generativelanguage.googleapis.com",),
    "GROQ_API_KEY": ("api.groq.com",),
    "HF_TOKEN": ("router.huggingface.co",),
    "MISTRAL_API_KEY": ("api.mistral.ai", "codestral.mistral.ai"),
    "MOONSHOT_API_KEY": ("api.moonshot.ai", "api.moonshot.cn"),
    "NVIDIA_API_KEY": ("integrate.api.nvidia.com",),
    "OPENAI_API_KEY": ("api.openai.com", "eu.api.openai.com", "us.api.openai.com"),
    "OPENROUTER_API_KEY": ("openrouter.ai",),
    "PERPLEXITY_API_KEY": ("api.perplexity.ai",),
    "TOGETHER_API_KEY": ("api.together.xyz", "api.together.ai"),
    "XAI_API_KEY": ("api.x.ai",),
}
"""Variables that providers name in their own documentation → their hosts; one that begins with a dot is a domain."""

_KEY = re.compile(r"(?P<stem>.+?)(_API)?_(KEY|TOKEN)")
_URL = re.compile(r"(?P<stem>.+?)(_API)?(_BASE)?_URL")
_DEFAULT = str(OpenAISpec.model_fields["api_key_env"].default)


def key_for(
    spec: OpenAISpec, server: Server, policy: AddressPolicy, environment: Mapping[str, str] = os.environ
) -> str | None:
    """Return the key to send to a spec's server; None where there is none, or none for this host.

    Raises `ModelError` for a variable that the file names and that is not for this host. The default variable is left
    out instead, with a warning if the file names it: it is set on many machines.
    """
    name = spec.api_key_env
    key = environment.get(name)
    if not key or policy.joined:
        return None
    if (why := _why_not(spec, server, environment)) is None:
        return key
    if name != _DEFAULT:
        raise ModelError(
            f"{spec.model}: the key in {name} is not sent to {server.host}: {why}; if it is for this server, set "
            f"{name}{HOSTS_OF}={server.host}, or put the key into a variable that begins with {KEY_PREFIX}"
        )
    if "api_key_env" in spec.model_fields_set:
        log.warning("%s: no key is sent to %s: %s; see %s%s", spec.model, server.host, why, name, HOSTS_OF)
    return None


def hide_secrets(spec: OpenAISpec, url: str) -> tuple[str, ...]:
    """Let nothing show the secrets of an owner's spec, nor any other key of the environment.

    Returns those that the server gets to see: its key, and what its URL and its `extra_body` hold.
    """
    know_variables([spec.api_key_env, *PROVIDERS])
    own = [os.environ.get(spec.api_key_env, ""), *secret_values(spec.extra_body)]
    if user := user_of(url):
        own += [user, *user.split(":", 1)[1:], basic(user)]
    return know(*own)


def user_of(url: str) -> str:
    """Return the user and password of a URL, ``user:password``; empty where there are none."""
    return unquote(url.partition("://")[2].partition("/")[0].rpartition("@")[0])


def without_user(url: str) -> str:
    """Return a URL without its user and password: in no library's log does it then show them."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def basic(user: str) -> str:
    """Return what an Authorization header says of a user and a password."""
    return base64.b64encode(user.encode()).decode()


def _why_not(spec: OpenAISpec, server: Server, environment: Mapping[str, str]) -> str | None:
    """Return why the variable of a spec is not for a server; None if it is."""
    name = spec.api_key_env
    if hosts := environment.get(name + HOSTS_OF):
        listed = [host.strip().lower() for host in hosts.split(",")]
        return None if {server.host, f"{server.host}:{server.port}"} & set(listed) else f"it is for {hosts.strip()}"
    if (
        spec.base_url is None
        and spec.base_url_env in environment
        and _stem(_KEY, name) == _stem(_URL, spec.base_url_env)
    ):
        return None
    if name in PROVIDERS:
        own = any(server.host == host or (host[0] == "." and server.host.endswith(host)) for host in PROVIDERS[name])
        return None if own and server.scheme == "https" else f"it is for https://{PROVIDERS[name][0].lstrip('.')}"
    return None if name.startswith(KEY_PREFIX) else f"nothing says that it is for {server.host}"


def _stem(pattern: re.Pattern[str], name: str) -> str:
    """Return the part of a variable's name that says what it belongs to; names of no such form have none in common."""
    found = pattern.fullmatch(name)
    return found["stem"] if found else f"{pattern.pattern} {name}"
