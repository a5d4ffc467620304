"""Shapes of requests and answers: pydantic for what comes in and for the docs, bytes for what goes out."""
