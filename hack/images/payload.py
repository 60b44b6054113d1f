"""Assemble the sandbox payload: loader, libraries, interpreter and just the modules that are needed.

Runs inside the build stage of images/sandbox/Dockerfile, with the Python that it
takes apart. Modules become source-less .pyc files: nothing is compared or compiled
at start, and the tree works from any read-only place. The standard library is
traced from a list of roots that people keep (images/sandbox/modules.txt); an import
of our own package that is not among them fails the build.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
from modulefinder import ModuleFinder
from pathlib import Path

STDLIB = Path(os.__file__).resolve().parent
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
PACKAGE = "fumehood_sandbox"
BUILD_ONLY = "filters"  # its subpackage that compiles them
COMPILED = "compiled"  # what that has made
AUTHORITIES = "authorities.pem"  # where our transport looks for them


def read_list(text: str) -> tuple[list[str], list[str]]:
    """The roots and the exclusions of a module list (pure)."""
    words = [line.strip() for line in text.splitlines()]
    words = [word for word in words if word and not word.startswith("#")]
    roots = [word for word in words if not word.startswith("-")]
    return roots, [word[1:] for word in words if word.startswith("-")]


def closure(roots: list[str], excludes: list[str]) -> dict[str, Path]:
    """Module name -> file of all that the roots import, built-in modules left out."""
    finder = ModuleFinder(path=[str(STDLIB), sysconfig.get_path("platstdlib") + "/lib-dynload"], excludes=excludes)
    for root in roots:
        if importlib.util.find_spec(root.partition(".")[0]) is None:
            raise SystemExit(f"no module {root} in this Python")
        with contextlib.suppress(ImportError):  # collections.abc, os.path: made by their parents, no files of their own
            finder.import_hook(root)
    files = ((name, getattr(module, "__file__", None)) for name, module in finder.modules.items())
    return {name: Path(file) for name, file in files if file}


def sources(package: Path) -> list[Path]:
    """The package's files that run in a sandbox."""
    return [file for file in sorted(package.rglob("*.py")) if BUILD_ONLY not in file.relative_to(package).parts]


def imports(package: Path) -> set[str]:
    """Modules that the package's files import from outside of it."""
    found: set[str] = set()
    for file in sources(package):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module)
    return {name for name in found if name.split(".")[0] != PACKAGE}


def compile_to(source: Path, target: Path, shown_as: str) -> None:
    """One source-less .pyc; `shown_as` is the path in tracebacks."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(source), str(target), shown_as, doraise=True, invalidation_mode=mode)


def place_stdlib(modules: dict[str, Path], lib: Path) -> list[Path]:
    """Compile or copy each module; the extension modules among them."""
    extensions = []
    (lib / "lib-dynload").mkdir(parents=True, exist_ok=True)  # the interpreter looks for it to find itself
    for _, file in sorted(modules.items()):
        if file.suffix == ".so":
            extensions.append(Path(shutil.copy(file, lib / "lib-dynload" / file.name)))
            continue
        relative = file.relative_to(STDLIB)
        compile_to(file, (lib / relative).with_suffix(".pyc"), str(relative))
    return extensions


def place_package(package: Path, lib: Path) -> None:
    """Our own programs, and the filters that were compiled for them."""
    for file in sources(package):
        relative = file.relative_to(package.parent)
        compile_to(file, (lib / relative).with_suffix(".pyc"), str(relative))
    shutil.copytree(package / COMPILED, lib / package.name / COMPILED)


def place_authorities(bundle: Path, lib: Path) -> None:
    """The public authorities, by which a store's certificate is checked if the administrator gives no authority."""
    text = bundle.read_text()
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise SystemExit(f"{bundle} holds no certificates")
    (lib / PACKAGE / AUTHORITIES).write_text(text)


def place_libraries(programs: list[Path], lib: Path) -> None:
    """Copy the loader as ld.so and every library that the programs are linked with, under its soname."""
    for program in programs:
        listing = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True).stdout
        if "not found" in listing:
            raise SystemExit(f"{program} lacks libraries:\n{listing}")
        for name, path in re.findall(r"^\s*(\S+) => (/\S+) \(", listing, re.MULTILINE):
            shutil.copy(Path(path).resolve(), lib / name)
        for path in re.findall(r"^\s*(/\S+) \(", listing, re.MULTILINE):
            shutil.copy(Path(path).resolve(), lib / "ld.so")


def prove(target: Path, names: list[str]) -> None:
    """Import all of it with what was assembled: what is missing shows here and not in a Pod."""
    loader = [str(target / "lib" / "ld.so"), "--library-path", str(target / "lib")]
    program = [str(target / "bin" / "python3"), "-I", "-S", "-B", "-c"]
    subprocess.run([*loader, *program, "".join(f"import {name}\n" for name in names)], check=True)


def modules_of(package: Path) -> list[str]:
    """Dotted names of the package's modules, those that run when imported left out."""
    files = (file.relative_to(package.parent) for file in sources(package))
    return [".".join(file.with_suffix("").parts) for file in files if not file.name.startswith("__")]


def assemble(package: Path, module_list: Path, authorities: Path, target: Path) -> None:
    """The whole tree, below `target`."""
    roots, excludes = read_list(module_list.read_text())
    modules = closure(roots, excludes)
    missing = imports(package) - {*roots, *modules, *sys.builtin_module_names}
    if missing:
        raise SystemExit(f"{PACKAGE} imports {', '.join(sorted(missing))}: add to {module_list.name} or do without")
    lib = target / "lib" / VERSION
    program = target / "bin" / "python3"
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(sys.executable).resolve(), program)
    extensions = place_stdlib(modules, lib)
    place_package(package, lib)
    place_authorities(authorities, lib)
    place_libraries([program, *extensions], target / "lib")
    prove(target, [*roots, *modules_of(package)])


def main() -> None:
    """Command line: package, module list, authorities, target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("modules", type=Path)
    parser.add_argument("authorities", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    assemble(arguments.package, arguments.modules, arguments.authorities, arguments.target)


if __name__ == "__main__":
    main()
