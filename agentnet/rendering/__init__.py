"""How a run looks: bodies described once, dressed by the terminal, by notebooks and by pages."""
