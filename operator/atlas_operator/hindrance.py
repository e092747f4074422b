"""Why the API server did not take a child, where its owner can do something about it. Called by reconciliations."""

from http import HTTPStatus

from atlas_operator.api import ApiError
from atlas_operator.cluster import NameTaken
from atlas_operator.refusal import Refusal

_OWNERS = (HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST)


def hindrance_of(error: NameTaken | ApiError, parent: str) -> Refusal | None:
    """*parent* is what the child is for, in words. None for what only the operator's log explains."""
    if isinstance(error, NameTaken):
        return Refusal("NameTaken", str(error), final=False)
    if error.status in _OWNERS:
        return Refusal("Refused", f"the API server refuses a child of {parent}: {error}", final=False)
    return None
