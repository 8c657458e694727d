"""One module for each command. Its docstring is what ``agentnet COMMAND --help`` says."""
