"""Answers that are sent in parts: events, of which a process has one tail, and results of any size."""
