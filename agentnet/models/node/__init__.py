"""Models on nodes: one member's replicas, which of them is asked, and what happens when one fails."""
