"""Does the completion's Python pass the tests? Off unless the process that scores allows it; see `sandbox`."""

import os

from atlas_api.pods.contract import ALLOW_CODE
from atlas_api.training.reward import Code
from atlas_rewards.item import Item
from atlas_rewards.sandbox.runner import Bounds, NoSandboxError, UnreadableTestsError, passes
from atlas_rewards.verifiers.outcome import Outcome, Unknown, Unusable, Verify, reference_of

_LANGUAGES = ("", "python", "python3", "py")


def code_verifier(config: Code) -> Verify:
    """The run of the tests. Raises Unusable: code not allowed, no sandbox here, tests that are not Python."""
    if os.environ.get(ALLOW_CODE) != "1":
        problem = f"this process may not run code; set the environment variable {ALLOW_CODE}=1 where it runs"
        raise Unusable("code", problem)
    bounds = Bounds(config.timeout_seconds, config.memory_bytes)
    look_at_tests(config)
    _try_out(bounds)

    def run(item: Item) -> Outcome:
        tests = reference_of(item) if config.tests is None else config.tests
        if isinstance(tests, Unknown):
            return tests
        try:
            # Tests from the manifest are Python as they stand; a reference may be an answer with a fence in it.
            return float(passes(code_in(item.completion), tests if config.tests else code_in(tests), bounds))
        except UnreadableTestsError as error:
            return Unknown(f"the reference is not Python: {error}")
        except NoSandboxError as error:
            return Unknown(f"the sandbox did not start: {error}")

    return run


def look_at_tests(config: Code) -> None:
    """Read the tests of *config*, without a sandbox. Raises Unusable for tests that are not Python."""
    try:
        compile(config.tests or "", "<tests>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unusable("code.tests", f"{error}; write Python") from None


def code_in(text: str) -> str:
    """All Python blocks of *text*, one after the other; the whole text where it has no fence.

    A block that was cut short counts up to where it ends. Blocks without a language count as Python.
    """
    blocks: list[str] = []
    fence, wanted, fenced = "", False, False
    for line in text.splitlines(keepends=True):
        mark = line.strip()
        ticks = mark[: len(mark) - len(mark.lstrip("`"))]
        if fence and mark == ticks and len(ticks) >= len(fence):
            fence = ""
        elif fence and wanted:
            blocks.append(line)
        elif not fence and len(ticks) >= len("```"):
            fence, fenced = ticks, True
            wanted = mark.strip("`").strip().lower() in _LANGUAGES
    return "".join(blocks) if fenced else text


def _try_out(bounds: Bounds) -> None:
    """Start the sandbox once, so that a machine without one is known before anything else starts."""
    try:
        if not passes("", "", bounds):
            raise Unusable("code", "an empty program does not end within timeoutSeconds and memoryBytes; raise them")
    except NoSandboxError as error:
        raise Unusable("code", f"the sandbox does not start here: {error}") from None
