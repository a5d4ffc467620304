"""Modules of `ui/core`, called from Python where they run."""
