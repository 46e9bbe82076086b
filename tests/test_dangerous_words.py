"""What never stands in the source, whatever it would be good for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import callreel

SOURCE = Path(callreel.__file__).parent
MODULES = frozenset({"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "commands"})
CALLED = frozenset(
    {
        "eval",
        "exec",
        "__import__",
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_shell",
        "tempfile.mktemp",
        "ssl._create_unverified_context",
        "random.choice",
        "random.random",
    }
)
EXTRACTS = frozenset({"extract", "extractall", "unpack_archive"})
SEEDED = frozenset({"demo"})  # makes calls up; nothing there is a secret


def dangers(source: str) -> list[str]:
    """Return what is dangerous in a text of Python, with its lines."""
    return [f"{line}: {what}" for line, what in _dangers(ast.parse(source))]


def _dangers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = [each.name for each in names if each.name.split(".")[0] in MODULES]
                yield from ((node.lineno, f"import {each}") for each in found)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                yield node.lineno, f"import {module}"
            case ast.Call():
                yield from ((node.lineno, what) for what in _of_call(node))


def _of_call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    given = {each.arg: each.value for each in node.keywords}
    if name in CALLED:
        yield name
    if "shell" in given and ast.unparse(given["shell"]) != "False":
        yield f"{name} with a shell"
    if "verify" in given and ast.unparse(given["verify"]) == "False":
        yield f"{name} without verifying"
    if name.rpartition(".")[2] in EXTRACTS and "filter" not in given:
        yield f"{name} without a filter"


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_no_source_has_what_attackers_look_for(path: Path) -> None:
    found = dangers(path.read_text())
    if path.relative_to(SOURCE).parts[0] in SEEDED:
        found = [each for each in found if "random." not in each]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from yaml import load",
        "os.system('x')",
        "subprocess.run('x', shell=True)",
        "subprocess.run('x', shell=wanted)",
        "archive.extractall(path)",
        "shutil.unpack_archive(path)",
        "eval(text)",
        "requests.get(url, verify=False)",
        "random.choice(letters)",
    ],
)
def test_each_danger_is_seen(source: str) -> None:
    assert dangers(source)
    assert not dangers("subprocess.run(['x'], shell=False)\narchive.extractall(p, filter='data')")
