"""Cases of `reward_stats` and `reward` with the session reward that follows; every source must agree on it."""

from typing import Any, NamedTuple

from support.sdk.rows import breakdown, stats


class RewardCase(NamedTuple):
    """Columns of a session and the reward that follows. None means unknown."""

    about: str
    reward_stats: Any
    reward: Any
    expected: float | None


_UNREADABLE = breakdown(0.0, "No valid reward sample produced.", uncertainty=1.0)

REWARD_CASES = (
    RewardCase("the score of the stats", stats(0.86), breakdown(0.5), 0.86),
    RewardCase("only a mean", {"score_mean": 0.7}, None, 0.7),
    RewardCase("a null score beside a mean", stats(None, score_mean=0.7), None, 0.7),
    RewardCase("only the breakdown", None, breakdown(0.4), 0.4),
    RewardCase("empty stats beside a breakdown", {}, breakdown(0.4), 0.4),
    RewardCase("nothing", None, None, None),
    RewardCase("stats without any score", {"sample_count": 3}, None, None),
    RewardCase("a number in a string", stats("0.91"), None, 0.91),
    RewardCase("a padded number in a string", stats(" 9.1e-1 "), None, 0.91),
    RewardCase("NaN in a string", stats("NaN"), breakdown(0.9), None),
    RewardCase("Infinity in a string", stats("Infinity"), breakdown(0.9), None),
    RewardCase("a list for the stats", [0.9], breakdown(0.9), None),
    RewardCase("a list for the breakdown", None, [0.9], None),
    RewardCase("a number for the breakdown", None, 0.9, None),
    RewardCase("a true score", {"score_mean": True}, None, None),
    RewardCase("a score in a list", {"score_mean": [0.9]}, None, None),
    RewardCase("a huge score", {"score_mean": 10**400}, None, None),
    RewardCase("a huge number in a string", {"score_mean": "1e9999"}, None, None),
    RewardCase("a tiny number in a string", {"score_mean": "1e-9999"}, None, 0.0),
    RewardCase("words", {"score_mean": "high"}, None, None),
    RewardCase("an empty string", {"score_mean": ""}, None, None),
    RewardCase("a true zero", stats(0.0), breakdown(0.0), 0.0),
    RewardCase("a negative score", stats(-0.5), None, -0.5),
    RewardCase("float noise", stats(0.6999999999999998), None, 0.6999999999999998),
    RewardCase("a judge nobody could read", stats(0.0, uncertainty_mean=1.0), _UNREADABLE, None),
    RewardCase("a judge nobody could read, without samples", None, {"score": 0.0, **_UNREADABLE["judges"][0]}, None),
)
