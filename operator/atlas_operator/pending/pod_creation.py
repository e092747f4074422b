"""Pending reasons of pods that the API server does not take: quotas, Pod Security, webhooks, what is missing. Pure."""

import re

from atlas_api.text import one_line
from atlas_operator.pending.reasons import PendingCause, Severity

_QUOTA = re.compile(r"exceeded quota: ([^,\s]+)(, .*)?")
_PSS = re.compile(r'violates PodSecurity "([^"]+)": (.*)')
_WEBHOOK = re.compile(r'admission webhook "([^"]+)" denied the request:? ?(.*)')
_ABSENT = re.compile(r'(serviceaccount|RuntimeClass) "([^"]+)" not found')
_KINDS = {
    "serviceaccount": ("ServiceAccount", "serviceAccountName"),
    "RuntimeClass": ("RuntimeClass", "runtimeClassName"),
}


def pods_refused(message: str, name: str) -> PendingCause:
    """Why the API server does not take the pods of *name*, from the *message* with which it refused them."""
    words = one_line(message, 2000)
    if quota := _QUOTA.search(words):
        message = f"pods of {name} would exceed ResourceQuota {quota[1]}; raise it or ask for less{quota[2] or ''}"
        return PendingCause(Severity.MISTAKE, "QuotaExceeded", message)
    if pss := _PSS.search(words):
        message = f"the namespace enforces Pod Security {pss[1]} and refuses the pods of {name}: {pss[2]}"
        return PendingCause(Severity.MISTAKE, "PodSecurityViolated", message)
    if webhook := _WEBHOOK.search(words):
        message = f"admission webhook {webhook[1]} refuses the pods of {name}: {webhook[2]}"
        return PendingCause(Severity.MISTAKE, "AdmissionDenied", message)
    if absent := _ABSENT.search(words):
        kind, field = _KINDS[absent[1]]
        message = f"pods of {name} need {kind} {absent[2]}, which does not exist; create it or correct {field}"
        return PendingCause(Severity.MISTAKE, f"{kind}Missing", message)
    return PendingCause(Severity.MISTAKE, "FailedCreatePod", f"pods of {name} cannot be created: {words}")
