"""One result as a person reads it. Pure; texts of models are shown, never obeyed."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from atlas_api.text import visible
from atlas_rewards import ItemResult, JudgeResult
from atlas_trainer.reporting.formatting import score


def result_table(result: ItemResult) -> RenderableType:
    """The score, what each judge and verifier says, caps, and why anything is missing."""
    lines = [Text(f"verifier {name}: {score(value)}") for name, value in result.verifiers.items()]
    lines += [Text(f"capped by {name}: {score(result.uncapped)} -> {score(result.score)}") for name in result.caps]
    lines += [Text(f"reason: {visible(reason)}") for reason in result.reasons]
    total = Text.assemble("score ", (score(result.score), "bold"), f"   revision {result.revision}")
    return Group(total, _judges(result), *lines)


def _judges(result: ItemResult) -> Table:
    table = Table()
    for name in ("judge", "score", "unsure", "decided by"):
        table.add_column(name, justify="right" if name in ("score", "unsure") else "left", no_wrap=True)
    table.add_column("rationale", overflow="fold")
    for judge in result.judges:
        table.add_row(judge.name, score(judge.score), score(judge.uncertainty), _decided_by(judge), _said(judge))
    return table


def _said(judge: JudgeResult) -> Text:
    lines = [visible(judge.rationale)]
    lines += [f"{one.rule}: {score(one.before)} -> {score(one.after)}" for one in judge.corrections]
    return Text("\n".join(lines))


def _decided_by(judge: JudgeResult) -> str:
    if judge.score is None:
        return "nobody"
    return f"large: {judge.escalation_reason}" if judge.escalated else f"small x{len(judge.samples)}"
