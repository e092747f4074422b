"""The few lines of Python with which a user loads the model of a run, to be copied from terminal or report."""

import json
import shlex

from atlas_api.training.spec import AtlasTrainingSpec
from atlas_trainer.storage.store import PVC_SCHEME

LOCAL_COPY = "./model"


def load_snippet(uri: str, spec: AtlasTrainingSpec) -> str:
    """Python lines that load the model at *uri*; one in an object store or a claim is fetched first, as they say."""
    adapters = spec.model.lora is not None
    if uri.startswith(PVC_SCHEME):
        claim, _, path = uri.removeprefix(PVC_SCHEME).partition("/")
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
