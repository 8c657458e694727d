"""Files: what people write (YAML, tables), what travels with AgentNet, and names looked up among the known ones."""
