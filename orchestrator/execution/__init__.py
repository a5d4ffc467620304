"""The state of one execution as a value, and what should happen next to it. Pure."""
