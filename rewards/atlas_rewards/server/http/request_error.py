"""A request that gets no results, and why: raised by whoever meets the reason, answered by `application`."""

from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse, Response

from atlas_api.scoring import ErrorResponse, Problem


class RequestError(Exception):
    """An error to be answered with *status*. *message* is one sentence that holds nothing of the request's texts."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        """Seconds after which trying again makes sense. None: it does not."""

    def response(self) -> Response:
        """The answer to the request. Its connection ends where nothing more is expected of the client or of us."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.SERVICE_UNAVAILABLE):
            headers["Connection"] = "close"
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(error_body(self.code, str(self)), self.status, headers)


def error_body(code: str, message: str) -> dict[str, Any]:
    """The body of an answer that refuses a request."""
    return ErrorResponse(error=Problem(code=code, message=message)).model_dump()
