"""Authentication: who may call, decided before anything of the request's body is read."""

import hmac

from starlette.requests import Request

from atlas_rewards.server.http.request_error import RequestError


def authenticate(request: Request, token: str | None) -> None:
    """Raise RequestError unless *request* carries *token*. None: everybody may call."""
    if token is None:
        return
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    # Compared as bytes, because text that is not ASCII cannot be compared in constant time.
    same = hmac.compare_digest(credentials.strip().encode("latin-1", "replace"), token.encode())
    if scheme.lower() != "bearer" or not same:
        raise RequestError(401, "unauthorized", "send the service's token in the header Authorization: Bearer TOKEN")
