"""``python -m agentnet``: the same as the command ``agentnet``."""

from agentnet.cli import main

if __name__ == "__main__":
    main()
