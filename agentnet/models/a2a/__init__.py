"""Outside agents as models, by the official SDK of the Agent2Agent protocol (A2A 1.0)."""
