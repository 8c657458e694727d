"""``agentnet doctor``."""

from __future__ import annotations

from agentnet.cli import options
from agentnet.cli.entry import EXIT_HELD, EXIT_NOT_HELD


def doctor(network: options.NetworkOption = None, store: options.StoreOption = None, json: options.Json = False) -> int:
    """Check this installation: machine, llama.cpp, zoo, settings.

    Exit code 1 if a check fails.
    """
    from rich.text import Text

    from agentnet.cli.doctor_checks import Finding, examine
    from agentnet.cli.output import console, emit

    findings = examine(options.settings_from(network=network, store=store))
    well = all(finding.well is not False for finding in findings)
    if json:
        emit({"well": well, "findings": [finding.as_json() for finding in findings]})
        return EXIT_HELD if well else EXIT_NOT_HELD
    marks = {True: Text("✓", "green"), False: Text("✗", "red"), None: Text("·", "dim")}
    topic = ""

    def show(finding: Finding) -> None:
        nonlocal topic
        if finding.topic != topic:
            topic = finding.topic
            console().print(Text(topic, "bold"))
        line = Text("  ") + marks[finding.well] + Text(f" {finding.name:<18} ", "dim") + Text(finding.value)
        console().print(line + Text(f"  {finding.note}" if finding.note else "", "dim"), soft_wrap=True)

    for finding in findings:
        show(finding)
    return EXIT_HELD if well else EXIT_NOT_HELD
