"""Warns about valid definitions that are probably mistakes. Pure."""
