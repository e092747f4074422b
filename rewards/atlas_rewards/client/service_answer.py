"""One answer of a RewardService elsewhere: read within a budget of bytes, values, levels and time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from atlas_api.inputs.budgets import SCORES, OverBudgetError, check_json
from atlas_rewards.error_words import complaint_in
from atlas_rewards.http_body import UnreadableBodyError, read_body

_BEGIN_SECONDS = 60.0
"""Seconds to be connected, and for each part of a request to be taken."""


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    """The JSON, or whatever it is; empty where it was `unread`."""

    unread: str = ""
    """Why the body was left, like `longer than ...`. Empty: it was read."""

    def words(self, token: str | None) -> str:
        """What the answer says, in one short line: `503: no healthy upstream`. Without *token*."""
        said = self.unread or complaint_in(self.body, token).words
        return f"{self.status}: {said}" if said else str(self.status)


async def ask_service(
    http: httpx.AsyncClient, method: str, url: str, body: bytes | None, seconds: float
) -> ServiceAnswer:
    """The answer that is whole within *seconds*.

    Raises httpx.RequestError where there is none, and TimeoutError where it does not come to an end.
    """
    timeout = httpx.Timeout(_BEGIN_SECONDS, read=None)
    async with (
        asyncio.timeout(seconds),
        http.stream(method, url, content=body, timeout=timeout) as response,
    ):
        try:
            content = await read_body(response.aiter_raw(), response.headers.get("Content-Encoding"), SCORES)
            if response.status_code == HTTPStatus.OK:
                check_json(content, SCORES)
        except (OverBudgetError, UnreadableBodyError) as left:
            return ServiceAnswer(response.status_code, response.headers, b"", str(left))
        return ServiceAnswer(response.status_code, response.headers, content)
