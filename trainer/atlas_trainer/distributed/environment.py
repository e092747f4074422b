"""What libraries must be told before they are imported: no telemetry, no noise. Called before torch is loaded."""

import logging
import os
from pathlib import Path

from atlas_api.training.model import ModelSpec


def prepare(model: ModelSpec) -> None:
    """Telemetry off, and no hub access at all when the model is a folder."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # It warns about an optional kernel package each time it is imported.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    if Path(model.source).expanduser().is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"
