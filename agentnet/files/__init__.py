"""Files: YAML and tables that people write, files that ship with AgentNet, and lookup of names."""
