"""The evaluator, with a random model."""

from contextlib import closing
from pathlib import Path

import pytest
from support.trainer.tiny_model import save_tiny_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from atlas_api.training.reward import Reward
from atlas_rewards.trl.training_reward import build_reward
from atlas_trainer.dataset.rows import Row
from atlas_trainer.evaluation.evaluator import Evaluator

LONG = Reward.model_validate({"verifiers": ({"name": "brevity", "length": {"target": 100, "limit": 200}},)})


@pytest.mark.parametrize(("cut_scores", "reward"), [(False, 0.0), (True, 1.0)])
def test_an_answer_that_was_cut_at_the_token_limit_is_none_unless_the_recipe_says_so(
    tmp_path: Path, cut_scores: bool, reward: float
) -> None:
    folder = save_tiny_model(tmp_path)
    row = Row("7", 0, "refund", ({"role": "user", "content": "refund"},), None, "done")
    with closing(build_reward(LONG, "default")) as scorer:
        evaluator = Evaluator(
            AutoTokenizer.from_pretrained(folder), scorer, [row], max_completion_tokens=2, cut_scores=cut_scores
        )
        result = evaluator.measure(AutoModelForCausalLM.from_pretrained(folder), 0, lambda *_: None)
    assert result.truncated == 1.0
    assert (result.reward, result.success, result.samples[0].reward) == (reward, reward, reward)
    assert result.samples[0].parts == {"brevity": 1.0}
