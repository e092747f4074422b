"""
The summary of a run at its end: what training changed, whether targets are met, where the model is, how to load it.

Builds something that rich can print; looks at nothing but whether TensorBoard is installed.
"""

from collections.abc import Callable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from atlas_api.pods.run_file import TrainingRun
from atlas_api.training.evaluation import Targets
from atlas_api.training.status import LocalStatus
from atlas_trainer.evaluation.comparison import Comparison, TargetResult
from atlas_trainer.evaluation.measurement import EvaluationResult
from atlas_trainer.reporting.formatting import change, percent, points, score, tokens
from atlas_trainer.reporting.held_out import held_out_text
from atlas_trainer.reporting.load_snippet import load_snippet
from atlas_trainer.reporting.tensorboard import view_command


def run_summary(run: TrainingRun, status: LocalStatus, comparison: Comparison, folder: str) -> RenderableType:
    """The summary to print, however the run ended. *folder* is where its files stay."""
    parts: list[RenderableType] = [Text(), Text(_headline(run, status), style="bold")]
    if comparison.before or comparison.after:
        parts += [Text(), results_table(comparison, run.spec.evaluation.targets)]
        if status.dataset and (told := held_out_text(status.dataset, run.spec.traces.split)):
            parts += [Text(), Text(f"Held out: {told}")]
    parts += [Text(), *_places(status, folder)]
    if status.phase == "Succeeded" and status.model:
        parts += [Text(), Text("Load it:"), Text(), Text(_indented(load_snippet(status.model.uri, run.spec))), Text()]
    return Group(*parts)


def results_table(comparison: Comparison, targets: Targets) -> Table:
    """Held-out numbers before and after, with the targets that the manifest sets."""
    before, after = comparison.before, comparison.after
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, title="On held-out tasks", title_justify="left")
    for column in ("", "before", "after", "change", "target"):
        table.add_column(column, justify="left" if column in ("", "target") else "right", no_wrap=True)
    success = target_text(comparison.success_target(targets), points(targets.success_delta))
    saving = target_text(comparison.token_target(targets), f"{percent(targets.token_reduction)} fewer")
    table.add_row("success", *_both(before, after, "success", percent), points(comparison.success_delta), success)
    table.add_row("reward", *_both(before, after, "reward", score))
    growth = change(before.tokens if before else None, after.tokens if after else None)
    table.add_row("completion tokens", *_both(before, after, "tokens", tokens), growth, saving)
    table.add_row("truncated", *_both(before, after, "truncated", percent))
    return table


def _both(
    before: EvaluationResult | None, after: EvaluationResult | None, name: str, form: Callable[[float | None], str]
) -> tuple[str, str]:
    return form(getattr(before, name, None)), form(getattr(after, name, None))


def target_text(result: TargetResult | None, wanted: str) -> str:
    """Format a target as `met (+30 points)` or `missed (+30 points)`; empty when there is no result."""
    return f"{'met' if result.met else 'missed'} ({wanted})" if result else ""


def _headline(run: TrainingRun, status: LocalStatus) -> str:
    name = f"Run {run.number} of {run.namespace}/{run.name}"
    if status.phase == "Succeeded":
        return f"{name} is done"
    reached = f" after step {status.progress.step} of {status.progress.max_steps}" if status.progress else ""
    word = "was interrupted" if status.phase == "Interrupted" else "failed"
    return f"{name} {word}{reached}"


def _places(status: LocalStatus, folder: str) -> list[RenderableType]:
    """Lines with a label and an address, where to look next; never wrapped, so that they can be copied."""
    latest, best = status.checkpoints.latest, status.checkpoints.best
    places = [
        ("Model", status.model.uri if status.phase == "Succeeded" and status.model else None),
        ("Checkpoint", f"{latest.uri} (step {latest.step})" if latest else None),
        ("Best checkpoint", f"{best.uri} (step {best.step})" if best and best != latest else None),
        ("Report", f"{folder}/report.html"),
        ("TensorBoard", view_command(f"{folder}/tensorboard")),
    ]
    return [Text(f"{label:<17}{address}") for label, address in places if address]


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
