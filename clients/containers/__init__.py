"""Containers, run through the Docker API."""
