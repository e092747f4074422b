"""
The model that `spec.model.source` names, as folders on this machine.

A source is a saved model, or LoRA adapters whose `adapter_config.json` names the model that they belong to. Either lies
in a folder or on the model hub. What is small comes from the hub at once, weights when they are needed
(`models.weights`). Loads no torch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_api.errors import AccessDenied, AtlasError, InvalidManifest, SourceMissing, SourceUnreachable
from atlas_api.inputs.budgets import MODEL_FILE, Budget, OverBudgetError, decode_json, read_bytes
from atlas_api.manifest.paths import expanded
from atlas_api.text import one_line
from atlas_api.training.model import ModelSpec

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model"
MODEL_WEIGHTS = "model"
"""Names of files with weights, without suffix."""

INDEX_SUFFIX = ".safetensors.index.json"
"""Suffix of the file that says which of several files holds a tensor."""

POINTER = b"version https://git-lfs"
"""Beginning of the small text that stands for a large file in a git repository."""

_SMALL = ("*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken", "*.py", f"{ADAPTER_WEIGHTS}.safetensors")
_PATH_STARTS = ("/", ".", "~")
_HUB_ID_SLASHES = 1
_POINTER_SIZE = 1024
_CHUNK = 1024 * 1024
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A saved model, or saved adapters."""

    folder: Path
    """Folder with its files, as an absolute path."""

    name: str
    """What others call it: its hub id, or the folder."""

    revision: str | None
    """The commit of the hub that the folder holds; None where it is not from the hub."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What training starts from."""

    base: FoundModel
    """A saved model; the one that `adapters` are on, where there are some."""

    adapters: FoundModel | None
    """Adapters on it, which training goes on from."""


def find_model(model: ModelSpec) -> ModelSource:
    """Find what *model* names; what is on the hub is downloaded, without weights.

    Raises `InvalidManifest` when it is not there or no model, `SourceUnreachable` when the hub does not answer, and
    `AccessDenied` when it asks for rights.
    """
    found = _found(model, model.source, model.revision)
    if not (found.folder / ADAPTER_CONFIG).exists():
        return ModelSource(found, None)
    if any((found.folder / f"{MODEL_WEIGHTS}{suffix}").exists() for suffix in (".safetensors", INDEX_SUFFIX)):
        raise invalid(model, f"holds a whole model and adapters ({ADAPTER_CONFIG}): move one of them elsewhere")
    return ModelSource(_base_of(model, found), found)


def lies_here(model: ModelSpec) -> bool:
    """Whether all of *model* is in folders here, so that the hub need not be asked. Never raises."""
    try:
        folder = expanded(model.source)
        if not folder.is_dir() or not (folder / ADAPTER_CONFIG).exists():
            return folder.is_dir()
        name, _ = _named_base(model, folder)
        return _path(model, name).is_dir()
    except AtlasError:
        return True


def read_json(model: ModelSpec, file: Path, budget: Budget = MODEL_FILE) -> dict[str, Any]:
    """The JSON object in a file of *model*. Raises `InvalidManifest` that names the file when there is none."""
    try:
        if not file.is_file():
            raise invalid(model, f"the folder holds no {file.name}")
        with file.open("rb") as stream:
            document = decode_json(read_bytes(iter(lambda: stream.read(_CHUNK), b""), budget), budget)
    except OSError as error:
        raise invalid(model, f"{file.name} cannot be read: {error.strerror}") from None
    except OverBudgetError as error:
        raise invalid(model, f"{file.name} is {error}; it cannot be what its name says") from None
    except ValueError as error:
        raise invalid(
            model, f"{file.name} is no JSON: {one_line(str(error), _SHOWN)}; save or download it again"
        ) from None
    if not isinstance(document, dict):
        raise invalid(model, f"{file.name} holds no JSON object; save or download it again")
    return document


def download(model: ModelSpec, name: str, revision: str | None, files: tuple[str, ...]) -> Path:
    """Download *files* (names, or patterns with a star) of a model on the hub. Returns the folder that holds them.

    What was downloaded before is not downloaded again. Raises what `find_model` raises.
    """
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(name, revision=revision, allow_patterns=list(files), ignore_patterns=["*/*"])
    except Exception as error:
        translated = _translated(model, name, error)
        if translated is None:
            raise
        raise translated from error
    return Path(folder)


def invalid(model: ModelSpec, problem: str) -> InvalidManifest:
    """The error for a *problem* of the model that the manifest names."""
    return InvalidManifest([f"spec.model.source: {model.source}: {problem}"])


def folder_here(model: ModelSpec, name: str) -> Path | None:
    """The folder here that *name*, of the model or of its base, is; None: it is an id on the hub, which is not asked.

    Raises `InvalidManifest` for a path at which there is no folder, `SourceMissing` for what can be no path.
    """
    path = _path(model, name)
    if path.is_dir():
        return path.absolute()
    if path.exists():
        raise invalid(model, f"{_as_base(model, name)}is a file; give the folder that holds the saved model")
    if name.startswith(_PATH_STARTS) or name.count("/") > _HUB_ID_SLASHES:
        cure = "give a folder with a saved model, or a hub id like owner/name"
        if name != model.source:
            cure = f"put the base there, or write into base_model_name_or_path of {ADAPTER_CONFIG} where it is"
        raise invalid(model, f"{_as_base(model, name)}no such folder; {cure}")
    return None


def _found(model: ModelSpec, name: str, revision: str | None) -> FoundModel:
    folder = folder_here(model, name)
    if folder is not None:
        found = FoundModel(folder, str(folder), None)
    else:
        folder = download(model, name, revision, _SMALL)
        found = FoundModel(folder, name, folder.name)
    _refuse_pointers(model, found.folder)
    return found


def _path(model: ModelSpec, name: str) -> Path:
    """*name* as a path. Where the base of adapters can be none, it is one where nothing is."""
    try:
        return expanded(name)
    except (SourceMissing, ValueError):  # too long, the home of nobody, a null byte
        if name == model.source:
            raise
        return Path("/nonexistent")


def _base_of(model: ModelSpec, adapters: FoundModel) -> FoundModel:
    name, revision = _named_base(model, adapters.folder)
    base = _found(model, name, revision)
    if (base.folder / ADAPTER_CONFIG).exists():
        raise invalid(model, f"{_as_base(model, name)}holds adapters itself; merge them into their own base first")
    return base


def _named_base(model: ModelSpec, folder: Path) -> tuple[str, str | None]:
    """Name and revision of the base that adapters name."""
    settings = read_json(model, folder / ADAPTER_CONFIG)
    name, revision = settings.get("base_model_name_or_path"), settings.get("revision")
    if not isinstance(name, str) or not name or not isinstance(revision, str | None):
        raise invalid(model, f"{ADAPTER_CONFIG} names no base: write its folder or hub id into base_model_name_or_path")
    return name, revision


def _as_base(model: ModelSpec, name: str) -> str:
    """Words in front of a problem that is not the source's own."""
    return "" if name == model.source else f"the base of these adapters, {one_line(name, _SHOWN)}: "


def _refuse_pointers(model: ModelSpec, folder: Path) -> None:
    pointers = [file.name for file in sorted(folder.iterdir()) if _is_pointer(file)]
    if pointers:
        others = f" and {len(pointers) - 1} more" if len(pointers) > 1 else ""
        raise invalid(
            model,
            f"{one_line(pointers[0], _SHOWN)}{others} stand for large files of a git repository: run `git lfs pull` in "
            f"{folder}",
        )


def _is_pointer(file: Path) -> bool:
    try:
        if not file.is_file() or file.stat().st_size > _POINTER_SIZE:
            return False
        with file.open("rb") as stream:
            return stream.read(len(POINTER)) == POINTER
    except OSError:
        return False


def _translated(model: ModelSpec, name: str, error: Exception) -> AtlasError | None:
    """The error of ours that an *error* of the hub's client means. None when it is none of these."""
    from huggingface_hub import errors

    subject = f"{_as_base(model, name)}is no folder here, and "
    if isinstance(error, errors.GatedRepoError):
        return AccessDenied(
            f"spec.model.source: {name}: the model hub asks for consent first: give it on the model's page, and set "
            "HF_TOKEN (in pods with compute.env and a secretKeyRef)"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return InvalidManifest([f"spec.model.revision: {name} has no such branch, tag or commit on the model hub"])
    if isinstance(error, errors.RepositoryNotFoundError):
        return invalid(
            model, f"{subject}the model hub does not give it: check the id; for one that is private set HF_TOKEN"
        )
    if isinstance(error, errors.HFValidationError):
        return invalid(model, f"{subject}no id of the model hub, which is like owner/name")
    if isinstance(
        error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled | errors.HfHubHTTPError | OSError
    ):
        return SourceUnreachable(
            f"spec.model.source: {name} is no folder here, and the model hub cannot be reached; "
            "check the path, or the network"
        )
    return None
