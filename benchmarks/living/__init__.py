"""A living network: which node is asked, what a run costs as the network grows, and nodes that are killed."""
