"""One result as a person reads it, and can check by hand. Pure; texts of models are shown, never obeyed."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.text import visible
from atlas_rewards import ItemResult, JudgeResult
from atlas_trainer.reporting.formatting import UNKNOWN, number, score


def result_table(result: ItemResult, spec: RewardServiceSpec) -> RenderableType:
    """The score and what it is the mean of, what each judge and verifier says, caps, and why anything is missing.

    *spec* is the configuration that gave *result*.
    """
    weights = {judge.name: judge.weight for judge in spec.judges}
    weights |= {verifier.name: spec.weights.get(verifier.name, 1.0) for verifier in spec.verifiers}
    lines = [
        Text(f"verifier {name}: {score(value)}   weight {_weight(weights, name)}")
        for name, value in result.verifiers.items()
    ]
    lines += [Text(f"capped by {name}: {score(result.uncapped)} -> {score(result.score)}") for name in result.caps]
    lines += [Text(f"reason: {visible(reason)}") for reason in result.reasons]
    total = Text.assemble("score ", (score(result.score), "bold"), f"   revision {result.revision}")
    mean = [Text(_mean(result, weights))] if result.uncapped is not None else []
    return Group(total, *mean, _judges(result, weights), *lines)


def _mean(result: ItemResult, weights: dict[str, float]) -> str:
    """The weighted mean of whatever gave a score, written out."""
    given = [(weights.get(name, 1.0), value) for name, value in result.parts.items() if value is not None]
    terms = [score(value) if weight == 1 else f"{number(weight)} x {score(value)}" for weight, value in given]
    return f"{score(result.uncapped)} = ({' + '.join(terms)}) / {number(sum(weight for weight, _ in given))}"


def _judges(result: ItemResult, weights: dict[str, float]) -> Table:
    table = Table()
    for name in ("judge", "weight", "score", "unsure", "decided by"):
        left = name in ("judge", "decided by")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    table.add_column("rationale", overflow="fold")
    for judge in result.judges:
        figures = (_weight(weights, judge.name), score(judge.score), score(judge.uncertainty))
        table.add_row(judge.name, *figures, _decided_by(judge), _said(judge))
    return table


def _weight(weights: dict[str, float], name: str) -> str:
    return number(weights[name]) if name in weights else UNKNOWN


def _said(judge: JudgeResult) -> Text:
    lines = [visible(judge.rationale)]
    lines += [f"{one.rule}: {score(one.before)} -> {score(one.after)}" for one in judge.corrections]
    return Text("\n".join(lines))


def _decided_by(judge: JudgeResult) -> str:
    if judge.score is None:
        return "nobody"
    return f"large: {judge.escalation_reason}" if judge.escalated else f"small x{len(judge.samples)}"
