"""The repository keeps its own rules."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from atlas_api import AtlasTraining, parse
from atlas_api.manifest.yaml_document import read_documents

ROOT = Path(__file__).parents[2]
PACKAGE_FOLDERS = ("crds", "operator", "trainer", "rewards", "cli", "examples")
FULL = 16
README = (ROOT / "README.md").read_text()
DECISIONS = ROOT / "docs" / "decisions"


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name]


def packages() -> list[Path]:
    """Every folder of modules, with a docstring that is its map."""
    return [path.parent for path in tracked() if path.name == "__init__.py" and path.parts[0] in PACKAGE_FOLDERS]


@pytest.mark.parametrize("package", packages(), ids=str)
def test_the_docstring_of_a_package_names_each_of_its_rooms_and_modules(package: Path) -> None:
    told = set(re.findall(r"\w+", ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text())) or ""))
    here = [path.relative_to(package) for path in tracked() if path.suffix == ".py" and path.is_relative_to(package)]
    names = {path.parts[0].removesuffix(".py") for path in here} - {"__init__", "__main__"}
    assert names - told == set()


def test_no_folder_is_too_full_to_be_taken_in_at_a_glance() -> None:
    files = Counter(path.parent for path in tracked() if path.suffix == ".py")
    assert {str(folder): count for folder, count in files.items() if count > FULL} == {}


def test_the_manifest_in_the_readme_is_accepted() -> None:
    (document,) = read_documents(README.split("```yaml")[1].split("```")[0])
    assert parse(AtlasTraining, document).spec.grpo.group_size == 8


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


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


def pages() -> list[Path]:
    return [ROOT / path for path in tracked() if path.suffix == ".md"]


def decisions() -> list[Path]:
    return sorted(DECISIONS.glob("[0-9]*.md"))


def code_in(page: Path) -> str:
    """Fenced blocks, indented lines and spans of code, without comments."""
    found = re.findall(r"^```.*?^```|^ {4}[^\n]*|`[^`\n]+`", page.read_text(), re.MULTILINE | re.DOTALL)
    return re.sub(r"#.*", "", "\n".join(found))


def recipe(target: str) -> list[str]:
    """The command lines of a make target, with the folder of programs filled in."""
    lines = (ROOT / "Makefile").read_text().split(f"\n{target}:")[1].split("\n\n")[0].splitlines()[1:]
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in lines]


@pytest.mark.parametrize("page", decisions(), ids=lambda page: page.stem)
def test_a_decision_has_a_date_a_status_and_the_headings_of_the_template(page: Path) -> None:
    title, *_ = lines = page.read_text().splitlines()
    assert title.startswith(f"# {page.name[:4]} ")
    assert [line for line in lines if re.fullmatch(r"- Date: \d{4}-\d\d-\d\d", line)] == [lines[2]]
    assert [line for line in lines if re.fullmatch(r"- Status: (accepted|superseded by \d{4})", line)] == [lines[3]]
    template = (DECISIONS / "template.md").read_text().splitlines()
    assert [line for line in lines if line.startswith("## ")] == [line for line in template if line.startswith("## ")]


def test_the_numbers_of_decisions_are_consecutive() -> None:
    assert [int(page.name[:4]) for page in decisions()] == list(range(1, len(decisions()) + 1))


def test_the_index_of_decisions_has_each_page_with_its_title_and_status() -> None:
    listed = re.findall(
        r"^\| \[(\d{4})\]\((.+)\) \| (.+) \| (.+) \|$", (DECISIONS / "README.md").read_text(), re.MULTILINE
    )
    heads = [(page.name, page.read_text().splitlines()) for page in decisions()]
    assert listed == [
        (name[:4], name, lines[0].removeprefix(f"# {name[:4]} "), lines[3].removeprefix("- Status: "))
        for name, lines in heads
    ]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    calls = re.findall(r"\bmake((?: [a-z0-9-]+)+)", code_in(page))
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(" ".join(calls).split()) - targets == set()


def test_the_hooks_before_a_commit_are_the_lines_of_make_check() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
    assert [hook["entry"] for hook in local["hooks"]] == recipe("check")


def test_the_workflow_does_what_ci_does_and_may_only_read() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    checkout, ci = job["steps"]
    assert checkout["uses"].startswith("actions/checkout@v")
    assert ci["run"].endswith("bash .ci/run")
    assert job["timeout-minutes"] <= 90
