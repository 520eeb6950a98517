"""Trees of numbers in files: safetensors with a note in JSON, written in one step, read without running anything."""

from __future__ import annotations

import json
import os
import re
import secrets
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError, WengertError
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten, paths
from wengert.nn.fields import Record, Walk
from wengert.transform.tape import Variable

_FORMAT = "wengert 1"


class CheckpointError(WengertError, ValueError):
    """A file cannot be read: it is missing, damaged, not of this format, or holds something else than is asked for."""


def save(path: Any, tree: Any) -> None:
    """Write the numbers of a tree to a file, in the format safetensors.

    The names in the file are the places in the tree, "layers.0.weight" for a model, as PyTorch has them. Floats,
    integers, truth values and complex numbers keep every bit. What is fixed in a model is not written.

    **Arguments**: `path`; `tree`, a model, a state of an optimizer, or any other pytree of numbers and arrays.
    **Raises**: `ArgumentError` for leaves that are no numbers, `OSError` where the file cannot be written.
    **Cost**: one pass over the numbers. The file has the old content or the new one, even if the machine stops: it is
    written under another name, forced to the disk, and renamed.

    >>> import os, tempfile, numpy as np, wengert as wg
    >>> from wengert.nn.checkpoint import load, save
    >>> path = os.path.join(tempfile.mkdtemp(), "layer.safetensors")
    >>> save(path, wg.nn.Linear(2, 3, rng=0))
    >>> bool(np.all(load(path, wg.nn.Linear(2, 3, rng=1)).weight == wg.nn.Linear(2, 3, rng=0).weight.data))
    True

    **Source**: the format: github.com/huggingface/safetensors.
    """
    write(path, tensors_of(tree), {"kind": "tree"})


def load(path: Any, like: Any) -> Any:
    """Read the numbers of a tree from a file.

    **Arguments**: `path`, of a file that `save` wrote, or of another one in the format safetensors; `like`, a tree of
    the same form, shapes and dtypes, whose numbers do not matter. **Returns**: a new tree; a model has plain arrays.
    **Raises**: `CheckpointError` for a file that is missing, damaged, or holds another tree, which says what differs.
    **Cost**: one pass over the numbers. Nothing in the file is ever run.
    """
    tensors, _ = read(path)
    return filled(like, tensors, str(path))


def names_of(tree: Any) -> list[str]:
    """What the leaves of a tree are called in a file: "layers.0.weight"."""
    if isinstance(tree, Record):
        first: dict[int, str] = {}
        for entry in Walk(tree).entries:
            first.setdefault(entry.number, entry.path)
        return list(first.values())
    flatten(tree)  # registers the dataclasses in it
    places = paths(tree, "")
    names = [re.sub(r"\[(['\"]?)(.*?)\1\]", r".\2", place).strip(".") or "value" for place in places]
    return names if len({*names}) == len(names) else places  # {"a.b": 1, "a": {"b": 2}}


def tensors_of(tree: Any, prefix: str = "") -> dict[str, Any]:
    """The leaves of a tree by name, as arrays."""
    leaves, _ = flatten(tree)
    return {prefix + name: _array(leaf, name) for name, leaf in zip(names_of(tree), leaves, strict=True)}


def filled(like: Any, tensors: Mapping[str, Any], file: str, prefix: str = "") -> Any:
    """A tree like this one with the numbers from a file."""
    leaves, rebuild = flatten(like)
    wanted = dict(zip((prefix + name for name in names_of(like)), leaves, strict=True))
    given = {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    faults = [f"{name} is missing" for name in wanted if name not in given]
    faults += [f"{name} is unknown" for name in given if name not in wanted]
    for name, leaf in wanted.items():
        have, want = given.get(name), _array(leaf, name)
        if have is not None and (have.shape, have.dtype) != (want.shape, want.dtype):
            faults.append(f"{name} is {_form(have)} in the file and {_form(want)} here")
    if faults:
        shown = "; ".join(faults[:6]) + (f"; and {len(faults) - 6} more" if len(faults) > 6 else "")
        raise CheckpointError(f"{file} holds another tree: {shown}", right="the model that the file was made with")
    return rebuild([_leaf(given[name], leaf) for name, leaf in wanted.items()])


def _form(array: Any) -> str:
    return f"{array.dtype}[{', '.join(map(str, array.shape))}]"


def _array(leaf: Any, name: str) -> Any:
    leaf = leaf.data if isinstance(leaf, Variable) else leaf
    array = np.asarray(leaf) if isinstance(leaf, (bool, int, float, complex, np.generic, np.ndarray)) else None
    if array is None or array.dtype.kind not in "fiubc" or array.dtype in (np.longdouble, np.clongdouble):
        if isinstance(leaf, Tracer):
            raise ArgumentError(f"{name} is traced here: it has no numbers that could be kept", right="outside of f")
        kind = f"an array of {array.dtype}" if array is not None else f"a {type(leaf).__name__}"
        raise ArgumentError(f"{name} is {kind}, which cannot be written to a file", right="numbers and arrays of them")
    return np.array(array, array.dtype.newbyteorder("="), order="C")


def _leaf(array: Any, like: Any) -> Any:
    if isinstance(like, Variable):
        return Variable(_leaf(array, like.data))
    if isinstance(like, np.ndarray):
        return array
    return array[()] if isinstance(like, np.generic) else array.item()


# Files ----------------------------------------------------------------------------------------------------------------


def write(path: Any, tensors: Mapping[str, Any], note: dict[str, Any]) -> None:
    """A file with these arrays and a note; at no time is it half written."""
    from safetensors.numpy import save_file

    target = Path(path)
    if target.is_dir():
        raise ArgumentError(f"{target} is a directory", right=f"{target / 'model.safetensors'}")
    if not target.absolute().parent.is_dir():
        raise ArgumentError(f"there is no directory {target.parent} to write {target.name} into: make it first")
    complexes = [name for name, tensor in tensors.items() if tensor.dtype.kind == "c"]
    stored = {name: _as_pairs(tensor) if tensor.dtype.kind == "c" else tensor for name, tensor in tensors.items()}
    text = json.dumps({"complex": complexes, **note}, sort_keys=True)
    notes = {"format": _FORMAT, "note": text, "crc32": _checksum(stored, text)}
    temporary = target.absolute().with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        save_file(stored, temporary, notes)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.absolute().parent)


def discard_parts(path: Any) -> None:
    """Remove what is left of files whose writer was killed."""
    target = Path(path)
    if target.absolute().parent.is_dir():
        for part in target.absolute().parent.iterdir():
            if re.fullmatch(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.part", part.name):
                part.unlink(missing_ok=True)


def read(path: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and the note of a file; `CheckpointError` where it is not as it was written."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        what = "is a directory" if Path(path).is_dir() else "is not there"
        raise CheckpointError(f"{path} {what}", right="the path of a file that nn.save or nn.fit has written")
    try:
        with safe_open(str(path), "numpy") as file:
            notes = file.metadata() or {}
            stored = {name: np.array(file.get_tensor(name), order="C") for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, OSError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged, or no file of safetensors: {error}") from error
    if "note" not in notes:
        return stored, {}
    if notes.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is of the format {notes.get('format')!r}, and this version reads {_FORMAT!r}")
    if notes.get("crc32") != _checksum(stored, notes["note"]):
        raise CheckpointError(f"{path} is damaged: its checksum is not that of what is in it")
    note = json.loads(notes["note"])
    return {n: _from_pairs(t) if n in note["complex"] else t for n, t in stored.items()}, note


def _as_pairs(array: Any) -> Any:
    return array[..., None].view(array.real.dtype)


def _from_pairs(array: Any) -> Any:
    return array.view(np.result_type(array.dtype, 1j))[..., 0]


def _checksum(tensors: Mapping[str, Any], text: str) -> str:
    found = zlib.crc32(text.encode())
    for name in sorted(tensors):
        found = zlib.crc32(f"{name} {_form(tensors[name])}".encode(), found)
        found = zlib.crc32(tensors[name].reshape(-1).view(np.uint8).data, found)
    return f"{found:08x}"


def _sync_directory(directory: Path) -> None:
    """Force the renaming to the disk, where the system lets a directory be opened."""
    try:
        number = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(number)
    except OSError:
        pass
    finally:
        os.close(number)


def differing(here: Sequence[str], there: Sequence[str]) -> str:
    """The first lines in which two descriptions differ; empty where they are alike."""
    pairs = zip([*here, *[""] * len(there)], [*there, *[""] * len(here)], strict=False)
    found = [f"{old or 'nothing'} in the file, {new or 'nothing'} here" for new, old in pairs if new != old]
    return "; ".join(found[:3])
