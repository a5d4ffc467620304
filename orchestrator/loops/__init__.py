"""Periodic duties: each is `run_once(…) -> int`, how many things it did; nothing depends on who runs it."""
