"""Warnings of the package reach the person at the terminal, one line each; llama.cpp's own lines do not."""

from __future__ import annotations

import logging

import pytest

from agentnet.cli.entry import DEBUG
from agentnet.cli.warnings import RAW, Lines, shown_warnings


@pytest.fixture
def logger() -> logging.Logger:
    found = logging.Logger("agentnet")
    found.addHandler(Lines())
    return found


def record(name: str, text: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, text, None, None)


def test_a_warning_is_one_line_and_is_said_once(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        logger.handle(record("agentnet.remote", "the server refuses\nlogprobs: doing without"))
    logger.handle(record("agentnet.remote", "details", logging.INFO))
    assert capsys.readouterr().err == "agentnet: the server refuses logprobs: doing without\n"


def test_llama_cpps_own_lines_are_for_debugging(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger.handle(record(RAW, "llama_model_load: error"))
    assert capsys.readouterr().err == ""
    monkeypatch.setenv(DEBUG, "1")
    logger.handle(record(RAW, "llama_model_load: error"))
    assert "llama_model_load" in capsys.readouterr().err


def test_warnings_are_shown_while_a_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with shown_warnings():
            logging.getLogger("agentnet.remote").warning("the server refuses logprobs")
    logging.getLogger("agentnet.remote").warning("nothing listens")
    assert capsys.readouterr().err == "agentnet: the server refuses logprobs\n" * 2
