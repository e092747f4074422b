"""
Backoff: how long to wait before the next attempt. Pure.

No clock and no chance: the same failure of the same job waits equally long, also after a restart of the operator.
"""

import hashlib

from atlas_api.errors import FailureClass

FIRST_SECONDS = 10.0
LONGEST_SECONDS = 300.0
_JITTER = 0.1
_DOUBLINGS = 5  # 10 s doubled five times is past the longest


def retry_delay(failure_class: FailureClass, failures: int, seed: str) -> float:
    """
    Seconds until the next attempt, after *failures* failed ones of this class, this one counted.

    10 s, 20 s, 40 s and so on up to 300 s, each up to 10 % shorter or longer, as *seed*, the job's name, decides:
    jobs that one lost node stopped together do not start together.
    """
    doublings = min(max(failures, 1) - 1, _DOUBLINGS)
    seconds = min(FIRST_SECONDS * 2.0**doublings, LONGEST_SECONDS)
    return seconds * (1 + _JITTER * _between_minus_one_and_one(f"{seed}/{failure_class}/{failures}"))


def _between_minus_one_and_one(seed: str) -> float:
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / (2**63) - 1
