# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout as the architecture tests see it: its own files, and what its Python imports."""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Sequence, Union

ROOT = Path(__file__).resolve().parent.parent.parent
AGENT = ROOT / "agent" / "src" / "vps_sentry"
FLEET = ROOT / "collections" / "ansible_collections" / "vps_sentry" / "fleet"
VENDOR = ROOT / "deploy" / "vendor"
# Made by tools and never committed; .ci is ours.
NOT_OURS = {"__pycache__", "build", "node_modules", "output"}

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


class Import(NamedTuple):
    """One imported module: ``name`` is absolute, ``lazy`` means inside a function or under TYPE_CHECKING."""

    name: str
    lazy: bool
    line: int


def files(top: Path = ROOT) -> Iterator[Path]:
    """Every file of the project's own, sorted; links to files included, vendored code left out."""
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if _ours(Path(folder) / name))
        yield from sorted(Path(folder) / name for name in names)


def _ours(folder: Path) -> bool:
    hidden = folder.name.startswith(".") and folder.name != ".ci"
    return not hidden and folder.name not in NOT_OURS and not folder.name.endswith(".egg-info") and folder != VENDOR


def python_files(top: Path) -> List[Path]:
    """The project's own Python files below ``top``, links left out."""
    return [path for path in files(top) if path.suffix == ".py" and not path.is_symlink()]


def scripts(*interpreters: str) -> List[Path]:
    """Files whose first line starts one of ``interpreters`` (``sh``, ``bash``, ``python3``)."""
    found = []
    for path in files():
        with path.open("rb") as handle:
            words = handle.readline(200).decode("utf-8", "replace").replace("/", " ").split()
        if words[:1] == ["#!"] and any(name in words for name in interpreters):
            found.append(path)
    return found


def relative(path: Path) -> str:
    """``path`` as written in messages."""
    return str(path.relative_to(ROOT))


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(), filename=str(path))


def module_name(path: Path, top: Path) -> str:
    """Dotted name of the module in ``path``, counted from the folder above ``top``."""
    parts = list(path.relative_to(top.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path, top: Path) -> Sequence[Import]:
    """Everything a file of the package ``top`` imports, relative names made absolute.

    ``from package import name`` counts as ``package.name``: whether name is a module is for the reader to know.
    """
    package = module_name(path, top).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    found: List[Import] = []
    _visit(parse(path), package, lazy=False, found=found)
    return tuple(found)


def _visit(node: ast.AST, package: List[str], *, lazy: bool, found: List[Import]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            found.extend(Import(alias.name, lazy, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = _base(child, package)
            found.extend(Import(f"{base}.{alias.name}", lazy, child.lineno) for alias in child.names)
        else:
            _visit(child, package, lazy=lazy or _defers(child), found=found)


def _base(node: ast.ImportFrom, package: List[str]) -> str:
    above = package[: len(package) - node.level + 1] if node.level else []
    return ".".join([*above, node.module] if node.module else above)


def _defers(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))


def functions(tree: ast.Module) -> List[Function]:
    """All functions and methods of a file, nested ones too."""
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def docstring_end(function: Function) -> Optional[int]:
    """Last line of a function's docstring, None without one."""
    first = function.body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return first.end_lineno if text else None
