"""Who may import whom (docs/architecture.md): an arrow that is not here fails."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "gdbtrace"
ALLOWED = {
    "errors": set(),
    "version": set(),
    "processes": set(),
    "arch": {"errors"},
    "trace": {"errors"},
    "image": {"errors"},
    "logs": {"errors", "arch", "trace"},
    "objdump": {"errors", "arch"},
    "stub": {"errors"},
    "gdb": {"errors"},
    "toml_file": {"errors"},
    "machine": {"errors", "processes", "toml_file"},
    "tracer": {"errors", "processes", "stub", "arch"},
    "record": {"errors", "version", "tracer", "gdb", "trace", "arch", "image", "machine", "stub"},
    "analysis": {"errors", "trace", "arch", "image", "objdump"},
    "report": {"errors", "analysis", "trace", "arch", "image"},
    "opening": {"errors", "trace", "arch", "image", "machine", "logs", "analysis"},
    "regression": {
        *("errors", "version", "processes", "toml_file", "trace", "arch", "image", "machine", "gdb", "record"),
        *("analysis", "report", "opening"),
    },
    "pytest_plugin": {"errors", "trace", "record", "analysis", "report", "opening", "regression"},
    "__main__": {"cli"},
    "doctor": {"errors", "record", "gdb", "machine", "stub", "arch"},
    "cli": {
        *("errors", "version", "analysis", "report", "record", "doctor", "gdb", "machine", "trace", "arch", "image"),
        *("objdump", "opening", "logs", "regression"),
    },
    "__init__": {"errors", "version", "record", "trace", "regression"},
}
SUBPROCESS = {"objdump.py", "image/demangling.py", "machine/emulator.py", "tracer/process.py", "gdb/session.py"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_what_the_design_allows(path: Path) -> None:
    room = _room(path)
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "gdbtrace" and len(parts) > 1 and parts[1] != room:
            assert parts[1] in ALLOWED[room], f"{room} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_keeps_processes_and_printing_in_their_rooms(path: Path) -> None:
    place = str(path.relative_to(PACKAGE))
    imports = _imports(path)
    assert "subprocess" not in imports or place in SUBPROCESS
    if _room(path) != "cli":
        assert "typer" not in imports
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert not any(isinstance(function, ast.Name) and function.id == "print" for function in calls)


def test_no_import_is_hidden_in_a_function() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
                assert not inner, f"{path}: an import inside {node.name}"
