"""Errors of applies that the owner of an object can do something about: why the API server did not take a child."""

import re
from http import HTTPStatus

from atlas_operator.cluster.ownership import NameTaken
from atlas_operator.cluster.rest.api import ApiError
from atlas_operator.status.preconditions import FailedPrecondition

_OWNERS = (HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST)
_WEBHOOK = re.compile(r'failed calling webhook "([^"]+)"')


def apply_error_of(error: NameTaken | ApiError, parent: str) -> FailedPrecondition | None:
    """What *error* tells the owner of a child of *parent*, in words. None for what only the operator's log explains."""
    if isinstance(error, NameTaken):
        return FailedPrecondition("NameTaken", str(error), final=False)
    if webhook := _WEBHOOK.search(str(error)):
        cure = "check that its pods run; webhooks of PyTorchJobs are the training-operator's"
        return FailedPrecondition(
            "WebhookUnavailable", f"admission webhook {webhook[1]} does not answer; {cure}", final=False
        )
    if error.status in _OWNERS:
        return FailedPrecondition("Refused", f"the API server refuses a child of {parent}: {error}", final=False)
    return None
