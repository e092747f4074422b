"""Every source of traces that the API has can be read."""

from pkgutil import resolve_name

from atlas_api.training.traces import Traces
from atlas_trainer.traces import SOURCES


def test_each_source_of_the_api_has_a_reader() -> None:
    optional = {name for name, field in Traces.model_fields.items() if field.default is None} - {"fields"}
    assert set(SOURCES) == optional
    assert all(callable(resolve_name(reader)) for reader in SOURCES.values())
