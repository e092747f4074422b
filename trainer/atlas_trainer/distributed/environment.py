"""Environment variables for libraries, set before they are imported: no telemetry, no noise."""

import logging
import os


def prepare(*, offline: bool) -> None:
    """Turn telemetry off, and when *offline* access to the model hub too. Call it before torch is loaded."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # It warns about an optional kernel package each time it is imported.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
