"""Whether this machine has what a manifest names: files, folders, environment variables, keys, packages."""

from pathlib import Path

from atlas_api import AtlasError, AtlasTraining, InvalidManifest
from atlas_api.manifest.paths import expanded
from atlas_api.pods.contract import (
    CHECKPOINTS_S3,
    LARGE_JUDGE_KEY,
    REWARD_TOKEN,
    REWARDS_TOKEN,
    SMALL_JUDGE_KEY,
    TRACES_S3,
    TRACES_URL,
)
from atlas_api.rewardservice.spec import RewardService, RewardServiceSpec
from atlas_api.secrets import CredentialsSource, SecretSource
from atlas_api.training.checkpoints import Checkpoints
from atlas_api.training.model import ModelSpec
from atlas_api.training.reward import Reward, ServiceRef, Verifier
from atlas_api.training.traces import Traces
from atlas_core.checks.findings import Findings
from atlas_core.checks.manifest import SERVICE_FILE, service_of
from atlas_core.checks.places import check_model_folder, check_packages, check_written_file, check_written_folder


def check_here(manifest: AtlasTraining | RewardService) -> Findings:
    """What of *manifest* this machine lacks."""
    findings = Findings()
    if isinstance(manifest, RewardService):
        findings.look(lambda: check_packages("rewards", "a RewardService"))
        _service(manifest.spec, findings)
        _secret(manifest.spec.token_from, REWARDS_TOKEN, findings, "spec.tokenFrom")
        return findings
    spec = manifest.spec
    findings.look(lambda: check_packages("trainer", "a run"))
    _model(spec.model, findings)
    _traces(spec.traces, findings)
    _reward(spec.reward, manifest.metadata.namespace, findings)
    _checkpoints(spec.checkpoints, findings)
    return findings


def _model(model: ModelSpec, findings: Findings) -> None:
    try:
        from atlas_trainer.dataset.model_source import folder_here
    except ModuleNotFoundError:  # told as a package that is missing
        return
    try:
        folder = folder_here(model, model.source)
    except InvalidManifest as error:
        findings.problems += error.problems
    except AtlasError as error:
        findings.problems.append(f"spec.model.source: {error}")
    else:
        if folder is not None:
            findings.look(lambda: check_model_folder(expanded(model.source)), "spec.model.source")
        else:
            source = model.source
            findings.notes.append(f"spec.model.source: {source} is no folder here; the model hub will be asked for it")


def _traces(traces: Traces, findings: Findings) -> None:
    if traces.file is not None:
        from atlas_trainer.traces.jsonl import check_files

        file = traces.file
        findings.look(lambda: check_files(file), "spec.traces.file.path")
    if traces.postgres is not None:
        _secret(traces.postgres.url_from, TRACES_URL, findings, "spec.traces.postgres.urlFrom", header=False)
    if traces.s3 is not None:
        _credentials(traces.s3.credentials_from, TRACES_S3, findings, "spec.traces.s3.credentialsFrom")


def _checkpoints(checkpoints: Checkpoints, findings: Findings) -> None:
    if checkpoints.local is not None:
        local = checkpoints.local
        findings.look(lambda: check_written_folder(expanded(local.path)), "spec.checkpoints.local.path")
    if checkpoints.volume is not None:
        from atlas_trainer.storage.store import open_store

        findings.look(lambda: open_store(checkpoints))
    if checkpoints.s3 is not None:
        _credentials(checkpoints.s3.credentials_from, CHECKPOINTS_S3, findings, "spec.checkpoints.s3.credentialsFrom")


def _reward(reward: Reward, namespace: str, findings: Findings) -> None:
    _code(reward.verifiers, "spec.reward.verifiers", findings)
    named = reward.service_ref
    if named is None:
        return
    if named.name is not None:
        from atlas_rewards.trl.training_reward import address_inside

        name = named.name
        findings.look(lambda: address_inside(name, namespace))
    _secret(named.token_from, REWARD_TOKEN, findings, "spec.reward.serviceRef.tokenFrom")
    _service_file(named, findings)


def _service_file(named: ServiceRef, findings: Findings) -> None:
    # What is wrong with the file itself was told by the check of the manifest.
    service = Findings().look(lambda: service_of(named))
    if service is not None:
        inside = Findings()
        _service(service.spec, inside)
        findings.take(inside, SERVICE_FILE)


def _service(spec: RewardServiceSpec, findings: Findings) -> None:
    """What judges and verifiers need, wherever they are asked."""
    _code(spec.verifiers, "spec.verifiers", findings)
    _secret(spec.models.small.api_key_from, SMALL_JUDGE_KEY, findings, "spec.models.small.apiKeyFrom")
    if spec.models.large is not None:
        _secret(spec.models.large.api_key_from, LARGE_JUDGE_KEY, findings, "spec.models.large.apiKeyFrom")
    if spec.cache.path is not None:
        path = Path(spec.cache.path)
        findings.look(lambda: check_written_file(path), "spec.cache.path")


def _code(verifiers: tuple[Verifier, ...], at: str, findings: Findings) -> None:
    """Whether code of models may be run here, and could be: only where it is asked for is the sandbox started."""
    from atlas_rewards.verifiers import Unusable, build_verifier

    for index, verifier in enumerate(verifiers):
        if verifier.code is not None:
            try:
                build_verifier(verifier)
            except Unusable as unusable:
                findings.problems.append(f"{at}[{index}].{unusable}")


def _secret(source: SecretSource | None, variable: str, findings: Findings, at: str, *, header: bool = True) -> None:
    """*variable* is where pods get it; *header*: it goes into one of HTTP."""
    from atlas_rewards.secret import read_secret, read_token

    read = read_token if header else read_secret
    if source is not None:
        findings.look(lambda: read(source, variable), at)


def _credentials(source: CredentialsSource | None, variables: str, findings: Findings, at: str) -> None:
    """*variables* begins the names of those in which pods get the keys."""
    try:
        from atlas_trainer.storage.s3_client import check_credentials
    except ModuleNotFoundError:  # told as a package that is missing
        return
    if source is not None:
        findings.look(lambda: check_credentials(source, variables), at)
