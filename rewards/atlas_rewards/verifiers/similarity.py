"""How close is the completion to the reference, character by character?"""

from rapidfuzz.distance import Indel

from atlas_api.training.reward import ReferenceSimilarity
from atlas_rewards.item import Item
from atlas_rewards.verifiers.outcome import Outcome, Unknown, canonical, reference_of


def reference_similarity(config: ReferenceSimilarity, item: Item) -> Outcome:
    """1 for equal texts, 0 for texts without a common character."""
    reference = reference_of(item)
    if isinstance(reference, Unknown):
        return reference
    wanted = canonical(reference, ignore_case=config.ignore_case)
    return Indel.normalized_similarity(canonical(item.completion, ignore_case=config.ignore_case), wanted)
