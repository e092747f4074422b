"""
Files with the weights of a model: which they are, whether they are whole, and what tensors they hold.

Reads the headers of safetensors files alone. Nothing is ever unpickled.
"""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from atlas_api.inputs.budgets import WEIGHTS_INDEX, decode_json
from atlas_api.text import one_line
from atlas_api.training.model import ModelSpec
from atlas_trainer.dataset.model_source import INDEX_SUFFIX, POINTER, FoundModel, download, invalid, read_json

Shapes = Mapping[str, tuple[int, ...]]
"""Shapes of tensors, by name."""

_SUFFIX = ".safetensors"
_PICKLES = ("pytorch_model*.bin", "adapter_model*.bin", "consolidated*.pth", "*.ckpt")
_LENGTH_BYTES = 8
_LARGEST_FILE = 2**63
_SHOWN = 80


def fetch_weights(model: ModelSpec, found: FoundModel, stem: str) -> None:
    """Bring the weights of a model on the hub into its folder. What is there already is not downloaded again.

    Raises what `find_model` raises.
    """
    if found.revision is None:
        return
    download(model, found.name, found.revision, (f"{stem}{_SUFFIX}",))
    if not (found.folder / f"{stem}{_SUFFIX}").exists() and (found.folder / f"{stem}{INDEX_SUFFIX}").exists():
        download(model, found.name, found.revision, _shards(model, found.folder / f"{stem}{INDEX_SUFFIX}"))


def saved_shapes(model: ModelSpec, folder: Path, stem: str) -> Shapes:
    """Shapes of all tensors in the weights named *stem* in *folder*.

    Raises `InvalidManifest` that names the file when there are none, or one is missing, cut or of another kind.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for file in _weight_files(model, folder, stem):
        shapes.update(_shapes_in(model, file))
    return shapes


def _weight_files(model: ModelSpec, folder: Path, stem: str) -> list[Path]:
    whole, index = folder / f"{stem}{_SUFFIX}", folder / f"{stem}{INDEX_SUFFIX}"
    if whole.exists():
        return [whole]
    if index.exists():
        names = _shards(model, index)
        missing = [name for name in names if not (folder / name).exists()]
        if missing:
            raise invalid(
                model,
                f"{len(missing)} of the {len(names)} files that {index.name} lists are not there, "
                f"first {one_line(missing[0], _SHOWN)}; copy or download them",
            )
        return [folder / name for name in names]
    pickled = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if pickled:
        raise invalid(
            model,
            f"its weights are pickled ({one_line(pickled[0], _SHOWN)}), and nothing is unpickled here, since that runs "
            "code; save the model as safetensors (save_pretrained does)",
        )
    raise invalid(model, f"the folder holds no weights ({whole.name}, or {index.name} with the files that it lists)")


def _shards(model: ModelSpec, index: Path) -> tuple[str, ...]:
    """Names of the files that *index* lists."""
    places = read_json(model, index, WEIGHTS_INDEX).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise invalid(model, f"{index.name} has no weight_map; copy or download it again")
    names = sorted({str(name) for name in places.values()})
    strange = [name for name in names if Path(name).name != name or not name.endswith(_SUFFIX)]
    if strange:
        raise invalid(
            model, f"{index.name} lists {one_line(strange[0], _SHOWN)!r}, which is no safetensors file beside it"
        )
    return tuple(names)


def _shapes_in(model: ModelSpec, file: Path) -> Shapes:
    defect = None if file.is_file() else "is no regular file"
    try:
        if defect is None:
            with safe_open(file, framework="pt") as opened:
                return {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError:
        defect = _defect(file)
    except OSError as error:
        defect = f"cannot be read: {error.strerror or error}"
    raise invalid(model, f"{file.name} {defect}")


def _defect(file: Path) -> str:
    """What is wrong with a file that safetensors refuses, with the cure."""
    again = "copy or download it again"
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(len(POINTER))
        if head == POINTER:
            return f"is a pointer of git-lfs: run `git lfs pull` in {file.parent}"
        if head.startswith((b"PK", b"\x80")):
            return "is a pickle under another name: save the model as safetensors (save_pretrained does)"
        length = int.from_bytes(head[:_LENGTH_BYTES], "little")
        if size < _LENGTH_BYTES or head.startswith(b"<") or length > WEIGHTS_INDEX.bytes:
            return f"is no safetensors file ({size:,} bytes); {again}"
        if _LENGTH_BYTES + length > size:
            return f"is cut: {size:,} bytes, and its header alone has {length:,}; {again}"
        stream.seek(_LENGTH_BYTES)
        end = _LENGTH_BYTES + length + _data_bytes(stream.read(length))
    if size < end <= _LARGEST_FILE:
        return f"is cut: {size:,} bytes, and its header tells of {end:,}; {again}"
    return f"is damaged: its header and its {size:,} bytes do not agree; {again}"


def _data_bytes(header: bytes) -> int:
    """How many bytes of tensors *header* tells of; 0 where it tells nothing."""
    try:
        tensors = decode_json(header, WEIGHTS_INDEX)
        return max(int(tensor["data_offsets"][1]) for name, tensor in tensors.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return 0
