"""The repository keeps its own rules."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from atlas_api import AtlasTraining, parse
from atlas_api.manifest.yaml_document import read_documents

ROOT = Path(__file__).parents[2]
PACKAGE_FOLDERS = ("crds", "operator", "trainer", "rewards", "cli", "examples")
README = (ROOT / "README.md").read_text()


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name]


def mapped() -> set[str]:
    """Every module in the map of the README: a line at the margin names a folder, indented lines the files in it."""
    paths, folder = set(), ""
    for line in README.split("## Map")[1].split("```")[1].splitlines():
        if line.startswith(" "):
            paths |= {folder + word for word in line.split() if word.endswith(".py")}
        elif line:
            folder = line.split()[0]
    return paths


def test_the_map_in_the_readme_is_the_tree() -> None:
    modules = {
        str(path)
        for path in tracked()
        if path.suffix == ".py" and path.parts[0] in (*PACKAGE_FOLDERS, "benchmarks") and path.name != "__init__.py"
    }
    assert mapped() == modules


def test_the_manifest_in_the_readme_is_accepted() -> None:
    (document,) = read_documents(README.split("```yaml")[1].split("```")[0])
    assert parse(AtlasTraining, document).spec.grpo.group_size == 8


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("folder", PACKAGE_FOLDERS)
def test_top_level_folders_are_no_packages(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()
    assert not list((ROOT / folder).glob("*.py"))


@pytest.mark.parametrize("package", ["atlas_api", "atlas_rewards", "atlas_core.main", "atlas_trainer.train"])
def test_light_packages_do_not_load_torch(package: str) -> None:
    code = f"import sys, {package}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_make_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    assert targets == set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.MULTILINE))


def test_every_dependency_says_why_it_was_chosen() -> None:
    lines = (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0].splitlines()
    requirements = [line for line in lines if re.match(r'^    "[a-z]', line) and "atlas-core[" not in line]
    assert requirements
    assert all(re.search(r"# [A-Z][\w.-]+.*\. .+\.", line) for line in requirements)


def test_requirements_are_pinned_by_hash_and_name_no_host() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9][^\s]*==", text, re.MULTILINE)
        assert len(pins) <= len(re.findall(r"--hash=sha256:", text))
