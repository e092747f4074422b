"""
Where the models of an ATLAS configuration are: from names as LiteLLM has them to addresses and keys. Pure.

    gemini/gemini-2.5-pro    the provider stands before the model
    claude-sonnet-4-5        some models say by themselves whose they are; all others without a provider are OpenAI's

Variables move a provider elsewhere, to a proxy of the house for example: `ANTHROPIC_BASE_URL`, `GEMINI_BASE_URL`,
`OPENAI_BASE_URL`, `XAI_BASE_URL`, or the same with `API_BASE`, as LiteLLM has it.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_PROVIDERS = {
    "anthropic": "https://api.anthropic.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai",
    "openai": "https://api.openai.com/v1",
    "xai": "https://api.x.ai/v1",
}
"""OpenAI-compatible address of each provider."""

_OWNERS = {"claude-": "anthropic", "gemini-": "gemini", "grok-": "xai"}
"""Providers of models that are named without one, by how their names begin."""


class UnknownProviderError(ValueError):
    """Error for a model of a provider that is not known. Its text names the cure."""


def model_address(name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Fields `model`, `baseUrl` and `apiKeyFrom` of the model *name*. Raises UnknownProviderError.

    A server of one's own gets a key only where its variable is set.
    """
    provider, model = _parts(name)
    if provider not in _PROVIDERS or not model:
        raise UnknownProviderError(
            f"the provider of {name!r} is not known; there are {', '.join(_PROVIDERS)}, as in openai/{model or 'gpt'},"
            " and a RewardService may name any other by its baseUrl"
        )
    variable, elsewhere = f"{provider.upper()}_API_KEY", _elsewhere(provider, environment)
    key = {"apiKeyFrom": {"env": variable}} if elsewhere is None or variable in environment else {}
    return {"model": model, "baseUrl": elsewhere or _PROVIDERS[provider], **key}


def _parts(name: str) -> tuple[str, str]:
    provider, slash, model = name.partition("/")
    if slash:
        return provider, model
    return next((owner for start, owner in _OWNERS.items() if name.startswith(start)), "openai"), name


def _elsewhere(provider: str, environment: Mapping[str, str]) -> str | None:
    """The address that the environment gives. One that names a host alone gets the provider's own path."""
    named = (environment.get(f"{provider.upper()}_{what}") for what in ("BASE_URL", "API_BASE"))
    address = next((each.strip() for each in named if each and each.strip()), None)
    if address is None or urlsplit(address).path.strip("/"):
        return address
    return address.rstrip("/") + urlsplit(_PROVIDERS[provider]).path
