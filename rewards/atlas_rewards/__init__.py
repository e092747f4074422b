"""
Scores for completions, from deterministic verifiers and from judges. Never loads torch.

    verifiers = build_scorer(manifest.spec.reward)                            # verifiers alone
    verifiers.score(Item(completion="It is 42.", reference="42")).value       # 1.0

    scorer = RewardScorer.from_file("rewardservice.yaml")                     # judges and verifiers
    results = await scorer.score([Item(completion="It is 42.")])

A score of None means that nothing could judge the completion. It is never replaced by 0.

Rooms, each knowing only those below it:

    compat         RIM: the interface of ATLAS
    server         the scoring service over HTTP
    trl            the reward as TRL wants it, and the reward of a training
    bench          items in files, and how scores behave over many of them
    scorer         the library: judges and verifiers of one configuration
    client         a scoring service elsewhere
    model_check    whether models take what judges would ask, before anything is scored
    judges         scores by language models
    verifiers      scores by deterministic checks
    llm            language models over HTTP
    sandbox        untrusted Python
    safety         untrusted texts, reward hacking, prompt injection

and below these modules that know nothing of scoring or only what is scored: `item`, `wire` (items and results as JSON;
their types are `atlas_api.scoring`), `thoughts` (the answer of a completion), `causes` (why there is no score),
`configuration` (the manifest), `secret`, `address`, `http_body` (bodies of answers, within a budget), `error_words`
(what endpoints say of errors), `background_loop` (an event loop in a thread), `module_source` (a module, seen without
running it).

To add a verifier or a judge: the room's docstring says what must be touched. To add a room: its line here, and its
place in the contract of pyproject.toml, which refuses rooms that it does not know.
"""

from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.item import Item
from atlas_rewards.scorer import RewardScorer
from atlas_rewards.verifiers.weighted_mean import SUCCESS, Score, Scorer, build_scorer

RewardService = RewardScorer
"""Another name of `RewardScorer`, as programs written against it call it."""

__all__ = [
    "SUCCESS",
    "Item",
    "ItemResult",
    "JudgeResult",
    "RewardScorer",
    "RewardService",
    "Score",
    "Scorer",
    "build_scorer",
]
