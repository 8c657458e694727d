"""Measuring collaboration against its honest rival: the best single model, chosen in advance."""
