"""Chooses the provider of language models that the settings name."""

from __future__ import annotations

from clients.llm.provider import LlmError, LlmProvider, LlmSettings

PROVIDERS = ("anthropic", "openai", "echo")


def make_provider(settings: LlmSettings) -> LlmProvider:
    """Give the provider named, or else the one there is a key or an address for; in development else echo.

    Raises LlmError (`Llm.NotConfigured`) where none can be had.
    """
    name = settings.provider or _by_what_is_set(settings)
    if name == "echo":
        from clients.llm.echo import EchoProvider

        return EchoProvider(settings.echo_pause_s)
    if name == "anthropic" and settings.api_key:
        from clients.llm.anthropic import AnthropicProvider

        return AnthropicProvider(settings)
    if name == "openai" and (settings.openai_base_url or settings.openai_api_key):
        from clients.llm.openai import OpenAiProvider

        return OpenAiProvider(settings)
    if name and name not in PROVIDERS:
        raise LlmError(
            f"LLM_PROVIDER '{name}' is not known ({', '.join(PROVIDERS)})", type="Llm.NotConfigured"
        )
    raise LlmError(
        "no language model is configured: set ANTHROPIC_API_KEY, or OPENAI_BASE_URL and LLM_MODEL, "
        "or LLM_PROVIDER=echo for simulated answers",
        type="Llm.NotConfigured",
    )


def _by_what_is_set(settings: LlmSettings) -> str:
    if settings.api_key:
        return "anthropic"
    if settings.openai_base_url or settings.openai_api_key:
        return "openai"
    return "echo" if settings.environment == "development" else ""
