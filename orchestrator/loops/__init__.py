"""Periodic duties: each is `run_once(…) -> int`, the number of things done; any process may run each."""
