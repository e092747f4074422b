"""Pending reasons of pods that the API server does not take: quotas, Pod Security, webhooks, what is missing. Pure."""

import re

from atlas_api.quantity import amount
from atlas_api.text import one_line
from atlas_operator.pending.reasons import PendingCause, Severity

_QUOTA = re.compile(r"exceeded quota: ([^,\s]+)(, .*)?")
_PSS = re.compile(r'violates PodSecurity "([^"]+)": (.*)')
_WEBHOOK = re.compile(r'admission webhook "([^"]+)" denied the request:? ?(.*)')
_ABSENT = re.compile(r'(serviceaccount|RuntimeClass) "([^"]+)" not found|no (PriorityClass) with name (\S+) was found')
_KINDS = {
    "serviceaccount": ("ServiceAccount", "serviceAccountName"),
    "RuntimeClass": ("RuntimeClass", "runtimeClassName"),
    "PriorityClass": ("PriorityClass", "priorityClassName"),
}
_AMOUNTS = re.compile(r"(requested|limited): (\S+?=\S+?(?:,\S+?=\S+?)*)(?:, |$)")


def pods_refused(message: str, name: str) -> PendingCause:
    """Why the API server does not take the pods of *name*, from the *message* with which it refused them."""
    words = one_line(message, 2000)
    if quota := _QUOTA.search(words):
        message = f"pods of {name} would exceed ResourceQuota {quota[1]}; raise it or ask for less{quota[2] or ''}"
        severity = Severity.MISTAKE if _never_fits(quota[2] or "") else Severity.NO_ROOM
        return PendingCause(severity, "QuotaExceeded", message)
    if pss := _PSS.search(words):
        message = f"the namespace enforces Pod Security {pss[1]} and refuses the pods of {name}: {pss[2]}"
        return PendingCause(Severity.MISTAKE, "PodSecurityViolated", message)
    if webhook := _WEBHOOK.search(words):
        message = f"admission webhook {webhook[1]} refuses the pods of {name}: {webhook[2]}"
        return PendingCause(Severity.MISTAKE, "AdmissionDenied", message)
    if absent := _ABSENT.search(words):
        kind, field = _KINDS[absent[1] or absent[3]]
        missing = f"{kind} {absent[2] or absent[4]}"
        message = f"pods of {name} need {missing}, which does not exist; create it or correct {field}"
        return PendingCause(Severity.MISTAKE, f"{kind}Missing", message)
    return PendingCause(Severity.MISTAKE, "FailedCreatePod", f"pods of {name} cannot be created: {words}")


def _never_fits(words: str) -> bool:
    """Whether one pod asks for more than the quota ever allows, by the API server's *words*; also for unknown words."""
    amounts = {kind: dict(each.split("=", 1) for each in text.split(",")) for kind, text in _AMOUNTS.findall(words)}
    asked, limits = amounts.get("requested", {}), amounts.get("limited", {})
    try:
        return not asked or any(amount(asked[name]) > amount(limits[name]) for name in asked)
    except (LookupError, ArithmeticError):
        return True
