"""The client of our own HTTP API."""
