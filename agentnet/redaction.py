"""The one redactor: what must not be stored, logged, reported or printed is replaced by `HIDDEN`.

Two ways. `redacted` works on any text: it hides every secret that this process knows (`know`, `know_variables`: keys of
the environment, passwords in the URLs of servers, values of fields that look like keys) and user information in URLs.
`without_secrets` works on data, such as the spec of a model: it hides the values of fields that look like keys, known
or not. The doors that use them: `AgentNetError`, the package's loggers, the store's rows, the command line.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

HIDDEN = "…"
SHORTEST = 8
"""Characters of the shortest secret that is looked for: a shorter one would be found in words that are none."""
KEY_PREFIX = "AGENTNET_KEY_"
"""How the variables begin that hold keys for network files."""

_known: set[str] = set()
_pattern: re.Pattern[str] | None = None
_USER = re.compile(r"(?<=://)[^\s/?#]*@")
_SECRET = re.compile(
    r"(?i)(^|[_.-])(api[_-]?key|apikey|key|token|secret|password|passwd|passphrase|authorization|credentials?|bearer)$"
)
"""Names of fields that hold secrets. `max_tokens` is none, and neither is `tokens`."""

_HOLDS_TEXT = (str, dict, list, tuple)
T = TypeVar("T")


def know(*secrets: str | None) -> tuple[str, ...]:
    """Hide some texts from now on, wherever they appear; returns them. Those too short to be secret are left out."""
    global _pattern
    found = tuple(secret for secret in secrets if secret and len(secret) >= SHORTEST)
    new = {spelled for secret in found for spelled in (secret, *_in_json(secret))}
    if not new <= _known:
        _known.update(new)
        _pattern = re.compile("|".join(map(re.escape, sorted(_known, key=len, reverse=True))))
    return found


def _in_json(secret: str) -> tuple[str, str]:
    return json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]


def know_variables(names: Iterable[str], environment: Mapping[str, str] = os.environ) -> None:
    """Hide the values of some variables of the environment, and of every one that begins with `KEY_PREFIX`."""
    own = [name for name in environment if name.startswith(KEY_PREFIX) and not name.endswith("_HOST")]
    know(*(environment.get(name) for name in (*names, *own)))


def redacted(text: str) -> str:
    """Return a text without known secrets, and without user information in URLs."""
    return without_known(_USER.sub(f"{HIDDEN}@", text) if "://" in text else text)


def redacted_url(url: str) -> str:
    """Return what may be a URL without what may be its user and password, even where a slash stands in them."""
    start = url.find("://") + 3 if "://" in url else 0
    _, at, host = url[start:].rpartition("@")
    return without_known(f"{url[:start]}{HIDDEN}@{host}" if at else url)


def without_known(text: str) -> str:
    """Return a text without known secrets: words of models and people, in which any URL may be meant."""
    return text if _pattern is None else _pattern.sub(HIDDEN, text)


def without_known_in(data: T) -> T:
    """Return plain JSON data without known secrets."""
    return data if _pattern is None else json.loads(without_known(json.dumps(data)))


def unfinished(text: str, secrets: Iterable[str]) -> int:
    """Return how many characters at a text's end may be the beginning of one of some secrets."""
    return max(
        (size for secret in secrets for size in range(1, len(secret)) if text.endswith(secret[:size])), default=0
    )


def without_secrets(data: T) -> T:
    """Return plain data, with user information in its URLs, known secrets, and values of secret fields hidden."""
    return _cleaned(data, hide=False)  # type: ignore[no-any-return]


def secret_values(data: object) -> list[str]:
    """Return the texts in plain data that stand in fields whose names say that they are secret."""
    if isinstance(data, Mapping):
        return [
            text
            for name, value in data.items()
            for text in (_texts(value) if _is_secret(str(name)) else secret_values(value))
        ]
    return [text for part in data for text in secret_values(part)] if isinstance(data, list | tuple) else []


def _texts(data: object) -> list[str]:
    if isinstance(data, Mapping):
        return [text for value in data.values() for text in _texts(value)]
    if isinstance(data, list | tuple):
        return [text for part in data for text in _texts(part)]
    return [data] if isinstance(data, str) else []


def _cleaned(data: Any, *, hide: bool) -> Any:
    if isinstance(data, str):
        return HIDDEN if hide and data else redacted(data)
    if isinstance(data, dict):
        return {
            name: _cleaned(value, hide=hide or _is_secret(str(name))) if isinstance(value, _HOLDS_TEXT) else value
            for name, value in data.items()
        }
    if isinstance(data, list | tuple):
        return [_cleaned(part, hide=hide) for part in data]
    return data


@lru_cache(1024)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None
