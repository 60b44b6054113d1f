"""Names that others rely on: they may be added to, never renamed or taken away."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType

import fumehood.api.v1alpha1 as api
from fumehood import errors, registry
from fumehood.core import names
from fumehood.settings import Settings
from fumehood_sandbox import border, wire


def test_every_exported_name_exists() -> None:
    assert all(hasattr(api, name) for name in api.__all__)
    assert len(set(api.__all__)) == len(api.__all__)


def test_the_wire_has_every_name_of_the_border() -> None:
    modules = [border, *(import_module(f"{border.__name__}.{found.name}") for found in pkgutil.iter_modules(border.__path__))]
    defined = {name for module in modules for name, value in vars(module).items() if _is_of(module, name, value)}
    assert defined | {"DecodeError", "decode", "encode", "to_json"} == set(wire.__all__)


def _is_of(module: ModuleType, name: str, value: object) -> bool:
    return name.isupper() or (isinstance(value, type) and value.__module__ == module.__name__)


def test_every_error_is_either_worth_another_try_or_not() -> None:
    for error in vars(errors).values():
        if isinstance(error, type) and error not in (errors.FumehoodError, errors.Retryable, errors.Permanent):
            assert issubclass(error, errors.Retryable) != issubclass(error, errors.Permanent), error


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert errors.__doc__
    assert all(name in errors.__doc__ for name, error in vars(errors).items() if isinstance(error, type))


def test_labels_container_names_and_paths_are_contract() -> None:
    assert (names.JOB_UID, names.ATTEMPT) == ("fumehood.dev/job-uid", "fumehood.dev/attempt")
    assert (wire.COLLECTOR, wire.ANALYSIS) == ("collector", "analysis")
    assert (wire.WORK, wire.INPUTS, wire.OUTPUTS, wire.TMP) == ("/work", "/inputs", "/outputs", "/tmp")


def test_the_built_in_adapters_are_declared_like_any_plug_in() -> None:
    declared = {point.name for point in entry_points(group=registry.ADAPTERS)}
    allowed = Settings.model_fields["adapters"].default
    assert set(allowed) <= declared
    assert set(registry.load_adapters(allowed)) == set(allowed)
