"""Every algorithm is found by the part of the spec that asks for it."""

from pathlib import Path

from support.trainer.trainings import make_training

from atlas_api import AtlasTrainingSpec
from atlas_trainer.algorithms import MODULES, algorithm_of


def test_a_spec_with_the_part_grpo_is_trained_with_grpo(tmp_path: Path) -> None:
    algorithm = algorithm_of(make_training(tmp_path).spec)
    assert algorithm.__name__ == "atlas_trainer.algorithms.grpo"
    assert callable(algorithm.build_trainer)
    assert callable(algorithm.train)


def test_each_algorithm_is_a_part_of_the_spec() -> None:
    assert set(MODULES) <= set(AtlasTrainingSpec.model_fields)
