"""What the repository says about itself, held: versions agree, the README's commands exist, no file names a machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import wengert

ROOT = Path(__file__).parents[1]

# What holds on one machine only. A class of one letter in each pattern keeps this file from naming what it looks for.
LOCAL = {
    "path": re.compile(r"(?<![\w.])/(wor[k]|roo[t]|op[t]/pypi|op[t]/wheels|home/[\w-]+|Users/[\w-]+)/"),
    "file URL": re.compile(r"\bfile:/{2}"),
    "option of pip": re.compile(r"--(extra-index-ur[l]|index-ur[l]|find-link[s]|trusted-hos[t])\b"),
    "setting of pip": re.compile(r"^\s*(extra-index-ur[l]|index-ur[l]|find-link[s]|trusted-hos[t])\s*="),
}


def text_files() -> list[tuple[str, str]]:
    """Return name and text of every text file that git tracks or would track."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    contents = [(name, (ROOT / name).read_bytes()) for name in names if (ROOT / name).is_file()]
    return [(name, content.decode()) for name, content in contents if b"\0" not in content]


def local_lines(text: str) -> list[str]:
    """Return the lines of a text that hold on one machine only."""
    return [line for line in text.splitlines() if any(pattern.search(line) for pattern in LOCAL.values())]


def test_the_changelog_has_an_unreleased_section():
    assert re.search(r"^## \[?Unreleased\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def test_the_package_and_pyproject_agree_on_the_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert wengert.__version__ == project["version"]


@pytest.mark.parametrize("command", ["demo", "test"])
def test_the_readme_names_a_command_of_tasks(command):
    assert f"python tasks.py {command}" in (ROOT / "README.md").read_text("utf-8")
    usage = subprocess.run([sys.executable, ROOT / "tasks.py", "--help"], capture_output=True, text=True, check=True)
    assert f"python tasks.py {command}" in usage.stdout


def test_every_command_of_tasks_stands_in_its_usage():
    usage = subprocess.run([sys.executable, ROOT / "tasks.py", "--help"], capture_output=True, text=True, check=True)
    source = (ROOT / "tasks.py").read_text("utf-8")
    commands = re.search(r"for task in \((.*?)\)", source)[1].split(", ")
    assert re.findall(r"python tasks.py (\w+)", usage.stdout) == commands


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="not a git checkout")
def test_no_file_names_a_machine():
    assert {name: lines for name, text in text_files() if (lines := local_lines(text))} == {}


@pytest.mark.parametrize(
    "words",
    [
        ("see /", "work/main/DESIGN.md"),
        ("#!/", "root/.pyenv/bin/python"),
        ("at /", "home/ada/wengert"),
        ("file:", "//srv/simple"),
        ("--extra-", "index-url https://mirror.example/simple"),
        ("  index-", "url = https://mirror.example/simple"),
    ],
)
def test_a_line_that_names_a_machine_is_found(words):
    assert local_lines("".join(words))


def test_a_link_that_only_looks_like_a_path_is_allowed():
    assert local_lines("https://docs.example.org/root/") == []
