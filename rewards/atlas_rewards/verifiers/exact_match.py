"""Is the completion the reference?"""

from atlas_api.training.reward import ExactMatch
from atlas_rewards.item import Item
from atlas_rewards.verifiers.outcome import Outcome, Unknown, canonical, reference_of


def exact_match(config: ExactMatch, item: Item) -> Outcome:
    """1 when both texts are the same after Unicode normalisation and without white space around them."""
    reference = reference_of(item)
    if isinstance(reference, Unknown):
        return reference
    wanted = canonical(reference, ignore_case=config.ignore_case)
    return float(canonical(item.completion, ignore_case=config.ignore_case) == wanted)
