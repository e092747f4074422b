"""
Judges: language models that score, several answers of each judge, and what is made of them.

    ensemble        all judges and verifiers at work on many items at once
    rubric          what a judge looks at, and the parts of an item that it is shown
    prompt          what a judge is asked: system message and material
    runner          one judge decides one case: the small model, and the large one where that is not enough
    answer_parser   a judge's answer, which is untrusted
    own_words       where its thoughts end
    escalation      when the small model's samples are not enough
    consistency     rules between judges
    checks          verifiers and reward hacking of an item, in threads
    aggregate       the score: rules, weighted mean, quorum, cap
    revision        the digest of a configuration

Knows `verifiers`, `safety`, `thoughts`, and of `llm` what an answer is and the places for work; whoever asks models is
handed in. Never loads an HTTP client.

To add a built-in judge: a text in `rubrics/`, its parts in `rubric`, its name in `atlas_api.rewardservice.judging`. To
add a rule between judges: `consistency`, and its setting there.
"""
