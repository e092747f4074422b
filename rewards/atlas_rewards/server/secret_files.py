"""Files with secrets that a configuration names, and whether what they hold has changed."""

from hashlib import blake2b
from pathlib import Path

from atlas_api.inputs.budgets import SECRET, OverBudgetError
from atlas_api.inputs.files import read_file
from atlas_api.manifest.paths import expanded
from atlas_api.rewardservice.spec import RewardServiceSpec


def secret_files(spec: RewardServiceSpec) -> tuple[Path, ...]:
    """Files with secrets that *spec* names."""
    models = (spec.models.small, spec.models.large)
    sources = [spec.token_from, *(model.api_key_from for model in models if model is not None)]
    return tuple(expanded(source.file) for source in sources if source is not None and source.file is not None)


def fingerprint(files: tuple[Path, ...]) -> str:
    """Digest of what the files hold now; a file that cannot be read counts as such."""
    digest = blake2b(digest_size=16)
    for file in files:
        try:
            data = b"\1" + read_file(file, SECRET)
        except (OSError, OverBudgetError):
            data = b"\0"
        digest.update(len(data).to_bytes(8) + data)
    return digest.hexdigest()
