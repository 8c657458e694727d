"""Access to a gateway."""
