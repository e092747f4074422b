"""
The page report.html: the whole story of a run on one page that needs nothing but itself.

Pure: from run, status, metrics and evaluations to HTML text. Everything that comes from traces
or from a model is untrusted: bounded, escaped by the templates, and a content security policy forbids scripts.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from atlas_api.pods.run_file import TrainingRun
from atlas_api.text import visible
from atlas_api.training.status import DatasetStatus, LocalStatus, ModelStatus
from atlas_trainer.evaluation.comparison import Comparison
from atlas_trainer.evaluation.measurement import EvaluationResult
from atlas_trainer.reporting import formatting
from atlas_trainer.reporting.held_out import held_out_text
from atlas_trainer.reporting.html import line_chart
from atlas_trainer.reporting.html.cards import cards, headline
from atlas_trainer.reporting.html.charts import MetricsLines, charts
from atlas_trainer.reporting.html.recipe import recipe
from atlas_trainer.reporting.html.samples import samples
from atlas_trainer.reporting.load_snippet import load_snippet
from atlas_trainer.reporting.revisions import Revisions, revisions_in, warning


def render_report(
    run: TrainingRun,
    status: LocalStatus,
    metrics: MetricsLines,
    results: Sequence[EvaluationResult],
    written_at: datetime,
) -> str:
    """Render the page from the lines of metrics.jsonl and the *results* in order of steps; both may be empty."""
    comparison = Comparison.of(results)
    judged = run.spec.reward.service_ref is not None
    model = _own_model(status)
    revisions = revisions_in(metrics)
    return _template().render(
        run=run,
        status=status,
        message=visible(status.message or ""),
        warning=warning(revisions),
        headline=headline(status.phase, comparison),
        cards=cards(comparison, run.spec.evaluation.targets),
        charts=charts(metrics, results, judged, status.progress.max_steps if status.progress else 0),
        samples=samples(comparison),
        comparison=comparison,
        recipe=[*recipe(run.spec), *_revisions(revisions)],
        causes=_causes(status.dataset),
        held_out=held_out_text(status.dataset, run.spec.traces.split) if status.dataset else "",
        model=model,
        load=load_snippet(model.uri, run.spec) if model else "",
        elapsed=formatting.duration((written_at - run.started_at).total_seconds()),
        written_at=written_at,
    )


def _own_model(status: LocalStatus) -> ModelStatus | None:
    """The model of this run: the status may still name an earlier one's."""
    return status.model if status.model and status.model.run == status.run.number else None


def _revisions(revisions: Revisions) -> list[tuple[str, str]]:
    """A line of the recipe with the revisions of the judges, where judges scored."""
    return [("Revision of the judges", ", ".join(revisions))] if revisions else []


def _causes(dataset: DatasetStatus | None) -> list[tuple[str, int]]:
    """Causes for which sessions were left out, most frequent first."""
    return sorted(dataset.dropped.items(), key=lambda cause: (-cause[1], cause[0])) if dataset else []


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("atlas_trainer.reporting.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"formatting": formatting, "line_chart": line_chart}
    return environment.get_template("report.html.j2")
