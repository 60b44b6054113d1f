"""Frozen dataclasses to JSON and back, strictly.

Everything that crosses the sandbox's border is decoded here: a value of another
type, a missing field, a number out of the range of a double, a document over its
size or nested too deep, text that is not Unicode is refused with the path of the field. Unknown fields are
ignored, so that a record may gain optional ones. Field names are snake_case in
Python and camelCase in JSON.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import sys
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")

_LARGEST = sys.float_info.max


class DecodeError(ValueError):
    """A document that is not what its type says; the message names the field, never the value."""


def encode(record: Any) -> bytes:
    """Return the one canonical JSON of a record: sorted keys, no spaces, UTF-8."""
    return json.dumps(to_json(record), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()


def decode(cls: type[T], raw: bytes, *, max_bytes: int) -> T:
    """Parse JSON of at most `max_bytes` into `cls`.

    Raises:
        DecodeError: the document is too large, no JSON, or not of that shape.
    """
    if len(raw) > max_bytes:
        raise DecodeError(f"document has {len(raw)} bytes, at most {max_bytes} are allowed")
    try:
        document = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"not JSON: {type(error).__name__}") from None
    return typing.cast(T, _build(cls, document, "$"))


def to_json(value: Any) -> Any:
    """Return `value` as JSON types; fields that are None are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((_camel(f.name), getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: to_json(item) for name, item in pairs if item is not None}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


@functools.cache
def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _build(kind: Any, value: Any, path: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [arm for arm in typing.get_args(kind) if arm is not type(None)]
        return None if value is None else _build(inner[0], value, path)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        return tuple(_build(item, v, f"{path}[{i}]") for i, v in enumerate(_expect(list, value, path)))
    if origin is dict:
        item = typing.get_args(kind)[1]
        return {_scalar(str, k, path): _build(item, v, f"{path}.*") for k, v in _expect(dict, value, path).items()}
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), _expect(dict, value, path), path)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _member(kind, value, path)
    return _scalar(kind, value, path)


def _record(cls: type, value: dict[str, Any], path: str) -> Any:
    arguments = {}
    for field in dataclasses.fields(cls):
        name = _camel(field.name)
        if value.get(name) is not None:
            arguments[field.name] = _build(_hints(cls)[field.name], value[name], f"{path}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise DecodeError(f"{path}.{name}: required")
    return cls(**arguments)


def _member(kind: type[enum.Enum], value: Any, path: str) -> enum.Enum:
    try:
        return kind(value)
    except ValueError:
        raise DecodeError(f"{path}: not one of {kind.__name__}") from None


def _scalar(kind: Any, value: Any, path: str) -> Any:
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_LARGEST <= value <= _LARGEST:
            raise DecodeError(f"{path}: not a finite number")  # also an integer that no double can hold
        return float(value)
    if kind is int and (isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63):
        raise DecodeError(f"{path}: not an integer of 64 bits")
    if kind is str and isinstance(value, str) and not _is_unicode(value):
        raise DecodeError(f"{path}: not Unicode text")  # a lone surrogate, which no UTF-8 can hold
    return _expect(kind, value, path)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _expect(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, kind):
        raise DecodeError(f"{path}: not a {kind.__name__}")
    return value
