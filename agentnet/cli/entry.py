"""The frame around every command: exit codes, one-line errors, Ctrl-C."""

from __future__ import annotations

import errno
import functools
import inspect
import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import typer

from agentnet.errors import AgentNetError
from agentnet.redaction import redacted

EXIT_HELD, EXIT_NOT_HELD, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130
ISSUES = "report it with the traceback"
DEBUG = "AGENTNET_DEBUG"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def command(
    function: Callable[..., Any], around: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Callable[..., None]:
    """Return a command for Typer. `function` returns its exit code (None: 0) and may be a coroutine function.

    It runs within the context that `around` makes. Errors of `agentnet.errors` and unexpected exceptions become one red
    line and exit code 2. With ``AGENTNET_DEBUG=1`` unexpected exceptions keep their traceback.
    """

    @functools.wraps(function)
    def framed(**arguments: Any) -> None:
        as_json = bool(arguments.get("json"))
        try:
            with around():
                result = function(**arguments)
                code = _finish(result) if inspect.iscoroutine(result) else result
        except KeyboardInterrupt:
            code = _interrupted()
        except AgentNetError as error:
            code = _failed(str(error), error.code, as_json)
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            code = _failed(*_unexpected(error), as_json)
        if code:
            raise typer.Exit(code)

    return framed


def _finish(work: Coroutine[Any, Any, int | None]) -> int | None:
    try:
        import asyncio

        return asyncio.run(work)
    finally:
        work.close()  # Ctrl-C may come before the coroutine starts


class Interruption:
    """The command that resumes the current work after Ctrl-C."""

    resume_hint: str | None = None


def _interrupted() -> int:
    if Interruption.resume_hint:
        complain(f"interrupted; resume with: {Interruption.resume_hint}")
    else:
        complain("interrupted")
    return EXIT_INTERRUPTED


def _unexpected(error: Exception) -> tuple[str, str]:
    """The message and code of an exception that is none of `agentnet.errors`."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return f"cannot write: {error.strerror}; free some space and run the command again", "no-room"
    text = redacted(" ".join(f"{type(error).__name__}: {error}".split()))
    return f"unexpected {text} (this is a bug; run it again with {DEBUG}=1 and {ISSUES})", "unexpected"


def _failed(text: str, code: str, as_json: bool) -> int:
    complain(text)
    if as_json:
        import json

        with suppress(OSError):  # stdout itself may be what cannot be written
            typer.echo(json.dumps({"error": {"code": code, "message": text}}, ensure_ascii=True))
    return EXIT_BAD_INPUT


def complain(text: str) -> None:
    """Print one red line to stderr."""
    typer.secho(f"agentnet: {printable(text)}", fg=typer.colors.RED, err=True)


def printable(text: str) -> str:
    """Return a text without control characters: text of a model or a file must not control the terminal."""
    return "".join(character for character in text if character in "\n\t" or character.isprintable())


def is_text(text: str) -> bool:
    """Return whether a text can be encoded as UTF-8: an argument in another encoding contains lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
