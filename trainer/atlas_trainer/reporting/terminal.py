"""
The terminal while a run goes on: one live line, or where nobody watches one plain line an event.

Knows nothing about files. All texts that it did not write itself are shown without markup and
without control characters.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from atlas_api.text import one_line
from atlas_trainer.evaluation.measurement import EvaluationResult
from atlas_trainer.reporting.formatting import duration, number, percent, score, tokens

NOTE_LIMIT = 500


class Terminal:
    """The progress of one run on one console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._announced: set[str] = set()
        self._held_out: float | None = None
        self._live = _live(console) if console.is_interactive else None
        self._task = self._live.add_task("", total=None, info="", deadline=None) if self._live else None

    def reading(self, sessions: int) -> None:
        """Show that so many sessions have been read."""
        self._show("reading traces", sessions, None, f"{sessions:,} sessions" if sessions else "")

    def waiting(self, phase: str) -> None:
        """Show a phase of unknown length."""
        self._show(phase, 0, None, "")

    def evaluating(self, phase: str, done: int, total: int) -> None:
        """Show that so many of *total* held-out tasks have been answered; *phase* is what to call it."""
        self._show(phase, done, total, f"{done}/{total} tasks")

    def training(self, step: int, max_steps: int, reward: float | None, eta: int | None, now: datetime) -> None:
        """Show that the run is at *step*; *eta* is in seconds."""
        held_out = "" if self._held_out is None else f"  held out {percent(self._held_out)}"
        reward_now = "" if reward is None else f"  reward {score(reward)}"
        deadline = None if eta is None else now + timedelta(seconds=eta)
        self._show("training", step, max_steps, f"step {step}/{max_steps}{reward_now}{held_out}", deadline)

    def step(self, step: int, max_steps: int, metrics: Mapping[str, float], eta: int | None, now: datetime) -> None:
        """Show a step that is done. A live line moves; elsewhere a line is printed."""
        reward = metrics.get("reward")
        self.training(step, max_steps, reward, eta, now)
        if self._live is None:
            self._line(step_line(step, max_steps, metrics, eta))

    def evaluated(self, result: EvaluationResult) -> None:
        """Show an evaluation on a line of its own, which stays."""
        self._held_out = result.success
        self._line(evaluation_line(result))

    def note(self, text: str) -> None:
        """Print a text that may hold anything, as one line above the live one."""
        shown = one_line(text, NOTE_LIMIT)
        self._line(shown.encode(self.console.encoding, "replace").decode(self.console.encoding))

    def close(self, summary: RenderableType | None = None) -> None:
        """Take the live line away, and print *summary*."""
        if self._live is not None:
            self._live.stop()
        if summary is not None:
            self.console.print(summary, soft_wrap=True)

    def _show(self, phase: str, done: int, total: int | None, info: str, deadline: datetime | None = None) -> None:
        if self._live is None or self._task is None:
            if phase not in self._announced:
                self._line(phase)
            self._announced.add(phase)
        else:
            self._live.start()
            self._live.update(self._task, description=phase, completed=done, total=total, info=info, deadline=deadline)

    def _line(self, text: str) -> None:
        """Print a line: wrapped at words for people, one event on one line for programs."""
        self.console.print(Text(text), soft_wrap=self._live is None)


def step_line(step: int, max_steps: int, metrics: Mapping[str, float], eta: int | None) -> str:
    """Format a step as `step 5/12 (41 %)  reward 0.41  ...`; what TRL did not log is left out."""
    shown = [
        ("reward", "reward", score),
        ("loss", "loss", number),
        ("completions/mean_length", "tokens", tokens),
        ("completions/clipped_ratio", "truncated", percent),
    ]
    parts = [f"{label} {form(metrics[key])}" for key, label, form in shown if key in metrics]
    share = f"({100 * step // max_steps} %)" if max_steps else ""
    remaining = [] if eta is None else [f"ETA {duration(eta)}"]
    return "  ".join([f"step {step}/{max_steps} {share}".rstrip(), *parts, *remaining])


def evaluation_line(result: EvaluationResult) -> str:
    """Format an evaluation as one line."""
    scored = len(result.samples) - result.unscored
    when = f"step {result.step}" if result.step else "baseline"
    solved = f" ({round(result.success * scored)}/{scored})" if scored > 0 else ""
    unscored = f"  not scored {result.unscored}" if result.unscored else ""
    return (
        f"held out, {when}: success {percent(result.success)}{solved}  reward {score(result.reward)}  "
        f"tokens {tokens(result.tokens)}  truncated {percent(result.truncated)}{unscored}"
    )


def _live(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[info]}", markup=False),
        _Remaining(),
        console=console,
        expand=True,
        transient=True,
        refresh_per_second=2,
    )


class _Remaining(ProgressColumn):
    """Column that counts down between two steps, which can be minutes apart."""

    def render(self, task: Task) -> Text:
        deadline: datetime | None = task.fields["deadline"]
        if deadline is None:
            return Text("")
        left = (deadline - datetime.now(deadline.tzinfo)).total_seconds()
        return Text(f"ETA {duration(max(0.0, left))}")
