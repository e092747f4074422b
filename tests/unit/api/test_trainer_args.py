"""Names in `trainerArgs`: a typo is found where TRL is not installed, in the words of the run."""

import pytest
from pydantic import BaseModel

from atlas_api import AtlasTrainingSpec
from atlas_api.manifest.trainer_args import SET_BY, known_names, problems_in
from atlas_api.rules import model_in

LEARNING_RATE = "spec.optimization.learningRate"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("top_kk", """TRL's GRPOConfig has no such argument; did you mean "top_k"?"""),
        ("numIterations", """TRL's GRPOConfig has no such argument; did you mean "num_iterations"?"""),
        ("learning-rate", f"""TRL's GRPOConfig has no such argument; did you mean "{LEARNING_RATE}"?"""),
        ("disable_tqd", "TRL's GRPOConfig has no such argument; atlas-core sets it itself: remove it"),
        ("zzzz", "TRL's GRPOConfig has no such argument"),
        ("", "TRL's GRPOConfig has no such argument"),
        ("learning_rate", f"other fields of the spec set this; use {LEARNING_RATE}"),
        ("disable_tqdm", "atlas-core sets this itself; remove it"),
    ],
)
def test_a_name_that_a_run_refuses_is_told_with_the_cure(name: str, problem: str) -> None:
    assert problems_in([name]) == [f"spec.trainerArgs.{name}: {problem}"]


def test_what_trl_takes_is_fine() -> None:
    assert problems_in(sorted(known_names() - set(SET_BY))) == []


def test_every_mistake_is_told_and_acts_on_no_terminal() -> None:
    assert [line.split(":")[0] for line in problems_in(["a\x1b[2J", "top_kk"])] == [
        r"spec.trainerArgs.a\u001b[2J",
        "spec.trainerArgs.top_kk",
    ]


def test_better_names_are_looked_for_as_often_as_somebody_mistypes() -> None:
    many = [f"temperature_{number}" for number in range(50_000)] + ["t" * 1_000_000]
    problems = problems_in(many)
    assert len(problems) == len(many)
    assert sum("did you mean" in problem for problem in problems) == 20


@pytest.mark.parametrize("path", sorted(set(SET_BY.values()) - {"atlas-core"}))
def test_the_field_that_sets_an_argument_exists(path: str) -> None:
    model: type[BaseModel] | None = AtlasTrainingSpec
    for part in path.removeprefix("spec.").split("."):
        assert model is not None
        model = model_in({field.alias: field.annotation for field in model.model_fields.values()}[part], BaseModel)
