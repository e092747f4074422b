"""The address of a RewardService elsewhere, checked. Pure."""

from atlas_api.errors import InvalidManifest
from atlas_rewards.address import address_problem


def check_address(url: str) -> None:
    """Raises `InvalidManifest` when *url* can be nobody's address, or holds a password. It never repeats one."""
    if problem := address_problem(url, "http://localhost:8080", "the token with tokenFrom"):
        raise InvalidManifest([f"spec.reward.serviceRef.url: {problem}"])
