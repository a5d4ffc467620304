"""Clients of the things we talk to: Redis, the web, language models. They import nothing of ours."""
