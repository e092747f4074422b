"""
How to load what a run has made: the few lines that a user copies.

Used by the terminal's last words and by the report.
"""

import json
import shlex

from atlas_api.training.spec import AtlasTrainingSpec
from atlas_trainer.storage.store import CLAIM

LOCAL_COPY = "./model"


def how_to_load(uri: str, spec: AtlasTrainingSpec) -> str:
    """Python lines that load the model at *uri*; one in an object store or a claim is fetched first, as they say."""
    adapters = spec.model.lora is not None
    if uri.startswith(CLAIM):
        claim, _, path = uri.removeprefix(CLAIM).partition("/")
        return f"# first: copy {path} from the claim {claim} to {LOCAL_COPY}\n{_python(LOCAL_COPY, adapters)}"
    if not uri.startswith("s3://"):
        return _python(uri, adapters)
    endpoint = spec.checkpoints.s3.endpoint if spec.checkpoints.s3 else None
    address = ["--endpoint-url", endpoint] if endpoint else []
    fetch = f"# first: {shlex.join(['aws', 's3', 'cp', '--recursive', *address, uri, LOCAL_COPY])}"
    return f"{fetch}\n{_python(LOCAL_COPY, adapters)}"


def _python(folder: str, adapters: bool) -> str:
    quoted = json.dumps(folder, ensure_ascii=False)
    if adapters:
        imports = "from peft import AutoPeftModelForCausalLM\nfrom transformers import AutoTokenizer"
        model = "AutoPeftModelForCausalLM"
    else:
        imports = "from transformers import AutoModelForCausalLM, AutoTokenizer"
        model = "AutoModelForCausalLM"
    return (
        f"{imports}\n\nmodel = {model}.from_pretrained({quoted})\ntokenizer = AutoTokenizer.from_pretrained({quoted})"
    )
