"""What is asked of a run: how long, from which seed, and where its files go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wengert.core.errors import ArgumentError

BOLDNESS = 0.6  # the temperature of what is written


@dataclass(frozen=True)
class Settings:
    """See `wengert.runs.train`."""

    name: str
    steps: int
    seed: int
    out: Path | None = None
    resume: bool = False
    quiet: bool = False
    temperature: float = BOLDNESS

    @classmethod
    def of(
        cls,
        name: str,
        default_steps: int,
        default_seed: int,
        *,
        steps: int | None = None,
        seed: int | None = None,
        out: Any = None,
        resume: bool = False,
        quiet: bool = False,
        temperature: float | None = None,
    ) -> Settings:
        """The settings of a run, checked; the folder is made."""
        steps = _whole("steps", default_steps if steps is None else steps, 1)
        seed = _whole("seed", default_seed if seed is None else seed, 0)
        if temperature is not None and name != "gpt":
            raise ArgumentError(f"{name} writes no text, and has no temperature", right="wengert train gpt")
        if temperature is not None and not 0 <= temperature < float("inf"):
            raise ArgumentError(
                f"the temperature is a number, at least 0, not {temperature!r}", right="temperature=0.6"
            )
        if resume and out is None:
            raise ArgumentError(
                "a run goes on from the checkpoint in its folder, and no folder was named",
                wrong=f"wengert train {name} --resume",
                right=f"wengert train {name} --out FOLDER --resume",
            )
        folder = None if out is None else Path(out)
        if folder is not None:
            if folder.exists() and not folder.is_dir():
                raise ArgumentError(f"{folder} is a file, and the pictures need a folder", right="--out FOLDER")
            folder.mkdir(parents=True, exist_ok=True)
        return cls(name, steps, seed, folder, resume, quiet, BOLDNESS if temperature is None else float(temperature))

    def picture(self, title: str) -> Path | None:
        """Where a picture goes; None where none is asked for."""
        return None if self.out is None else self.out / f"{self.name}_{title}.png"

    def checkpoint(self, name: str | None = None) -> Path | None:
        """The file from which the training of a network can go on; None where there is no folder for it."""
        if self.out is None:
            return None
        path = self.out / f"{name or self.name}.safetensors"
        if path.exists() and not self.resume:
            raise ArgumentError(
                f"{path} is there from an earlier run, and would be lost",
                wrong=f"wengert train {self.name} --out {self.out}",
                right=f"wengert train {self.name} --out {self.out} --resume   or another folder",
            )
        return path

    @property
    def progress(self) -> bool | None:
        """What `nn.fit` is told: a bar on terminals, or none."""
        return False if self.quiet else None


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(
            f"{name} is a whole number, at least {least}, not {value!r}", right=f"{name}={max(least, 1)}"
        )
    return value
