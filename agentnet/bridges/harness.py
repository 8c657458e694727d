"""lm-evaluation-harness with the model ``agentnet``: registers the model, then runs the harness' own command line.

python -m agentnet.bridges.harness run --model agentnet --model_args protocol=vote,network=zoo --tasks gsm8k
"""

from __future__ import annotations

import sys

from agentnet.errors import AgentNetError


def main() -> None:
    """Run the command ``lm-eval``. An error of AgentNet becomes one line and exit code 2."""
    try:
        from agentnet.bridges.harness_model import close_all, harness_command

        try:
            harness_command()
        finally:
            close_all()
    except AgentNetError as error:
        sys.stderr.write(f"agentnet: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
