"""LlamaIndex workflows as durable handlers: the library's own loop runs them, a journal keeps their state.

Needs `llama-index-workflows` (2.26 or later) where the handlers run.
"""
