"""Preconditions of both kinds: what one that does not hold says, and the checks that both kinds share.

Each kind lists its own in its module `preconditions`; what the API server refuses (`cluster.apply_errors`) reads alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from atlas_api.training.reward import Verifier

MESSAGE_LIMIT = 1000
"""Largest number of characters of a message that lists the mistakes of a spec."""


@dataclass(frozen=True, slots=True)
class FailedPrecondition:
    """Why nothing can start: a precondition that does not hold."""

    reason: str
    message: str
    final: bool
    """Whether only another spec helps."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the operator and the cluster offer to the pods of an object."""

    default_image: str | None
    """Image of pods where the spec names none."""

    allow_code: bool
    """Whether pods may run completions as code."""

    backend_served: bool = True
    """Whether the API server knows the kind of the jobs that runs are made of."""


def invalid_spec(problems: Sequence[str]) -> FailedPrecondition:
    """A spec that breaks its own rules, with its mistakes."""
    return FailedPrecondition("InvalidSpec", "; ".join(problems)[:MESSAGE_LIMIT], final=True)


def operator_is_older(unknown: Sequence[str]) -> FailedPrecondition:
    """A spec with fields that only a newer operator knows: nothing new starts, and what is there goes on."""
    names = ", ".join(f"spec.{name}" for name in unknown)
    message = f"this operator does not know {names}: the CRD is of a newer version; upgrade the operator"
    return FailedPrecondition("OperatorOutdated", message, final=False)


def runs_code(verifiers: Sequence[Verifier]) -> str | None:
    """Name of the first verifier that runs completions as code."""
    return next((each.name for each in verifiers if each.code is not None), None)


def code_not_allowed(verifier: str) -> FailedPrecondition:
    """A verifier that would run code where no pod may: better to say so before there are any."""
    why = "runs completions as code, and the operator was started without --allow-code"
    return FailedPrecondition("CodeNotAllowed", f"{verifier} {why}; allow it there, or remove the verifier", final=True)
