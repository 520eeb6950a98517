"""One command for each task of this repository. All it needs is Python 3.11 or newer with pip.

    python tasks.py demo [arguments]   run wengert; without arguments, explain one derivative step by step
    python tasks.py test [arguments]   check, then pytest, which gets the arguments; all of it must pass
    python tasks.py check              lint, formatting and types
    python tasks.py format             format the code and mend what the linter can mend by itself
    python tasks.py bench [arguments]  measure beside the peers
    python tasks.py peers [names]      install more peers, each in an environment of its own; without names, all
    python tasks.py coverage           ask the installed peers which of NumPy's functions they differentiate rightly
    python tasks.py lock [--upgrade]   write the lock files again after a change of the dependencies
    python tasks.py newest             the tests with the newest release of every dependency

Each command first sees to it that its virtual environment holds exactly what the lock file says.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - this is the line that tells the users of an older Python
    sys.exit("Wengert needs Python 3.11 or newer; this is Python " + sys.version.split()[0] + ".")

Command = list[str | Path]

ROOT = Path(__file__).resolve().parent
LOCK = "requirements.lock"
BENCH_LOCK = "requirements-bench.lock"
DEMO = ["explain", "x0*x1 + x1/x0", "x0=3", "x1=5"]
CHECKS = {
    "ruff check": ["-m", "ruff", "check"],
    "ruff format": ["-m", "ruff", "format", "--check"],
    "mypy": ["-m", "mypy"],
}

# The caller's environment, less what would point Python or pip at another installation.
ELSEWHERE = {"PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
ENVIRONMENT |= {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def demo(arguments: list[str]) -> int:
    """Run `wengert` in the caller's folder, so that the file names in its arguments hold."""
    python = locked_environment(".venv", LOCK)
    return run([python.with_name("wengert"), *(arguments or DEMO)], folder=Path.cwd())


def test(arguments: list[str]) -> int:
    """Run every check, then the tests, whose closing line is the last one printed."""
    python = locked_environment(".venv", LOCK)
    failed = failed_checks(python)
    print("== pytest" + (f" (failed before it: {', '.join(failed)})" if failed else ""), flush=True)
    status = run([python, "-m", "pytest", "-n", "auto", *arguments])
    return status or len(failed)


def check(_: list[str]) -> int:
    """Run the linter, the formatter and the type checker; they change nothing."""
    return len(failed_checks(locked_environment(".venv", LOCK)))


def format(_: list[str]) -> int:
    """Mend what can be mended without a person."""
    python = locked_environment(".venv", LOCK)
    return run([python, "-m", "ruff", "check", "--fix", "--quiet"]) | run([python, "-m", "ruff", "format"])


def bench(arguments: list[str]) -> int:
    """Run the benchmarks in an environment of their own, which holds the peers too."""
    python = locked_environment(".venv-bench", BENCH_LOCK)
    return run([python, "-m", "benchmarks", *arguments])


def peers(arguments: list[str]) -> int:
    """Make the environment of each peer that is named: what its extra `peer-<name>` asks for, newest releases."""
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    known = {extra.removeprefix("peer-"): needed for extra, needed in extras.items() if extra.startswith("peer-")}
    if strangers := set(arguments) - set(known):
        sys.exit(f"no peer is called {', '.join(sorted(strangers))}; there are: {', '.join(known)}")
    for name in arguments or known:
        print(f"== installing {name}", file=sys.stderr, flush=True)
        pip(create_environment(ROOT / f".venv-{name}"), "install", *known[name])
    return 0


def coverage(arguments: list[str]) -> int:
    """Write benchmarks/COVERAGE.md: peers that have no environment of their own are left out."""
    python = locked_environment(".venv-bench", BENCH_LOCK)
    return run([python, "-m", "benchmarks.coverage", *arguments])


def lock(arguments: list[str]) -> int:
    """Write both lock files, each good for every Python and platform that Wengert supports."""
    import tomllib

    # The build backend is locked with the rest, since the editable package is built with what is installed.
    build_requirements = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    with tempfile.TemporaryDirectory() as folder:
        python = create_environment(Path(folder))
        pip(python, "install", "uv")
        for extra, output in (("dev", LOCK), ("bench", BENCH_LOCK)):
            command: Command = [python, "-m", "uv", "pip", "compile", "pyproject.toml", "-"]
            command += [f"--extra={extra}", "--quiet", "--universal", "--python-version=3.11", "--fork-strategy=fewest"]
            command += ["--generate-hashes", "--no-annotate", "--custom-compile-command=python tasks.py lock"]
            command += [f"--output-file={output}", *package_index(python), *arguments]
            if status := run(command, text="\n".join(build_requirements)):
                return status
    return 0


def newest(arguments: list[str]) -> int:
    """Run the tests with what a user who installs Wengert today gets."""
    python = create_environment(ROOT / ".venv-newest")
    pip(python, "install", "--editable", ".[dev]")
    print(pip(python, "list"), flush=True)
    return run([python, "-m", "pytest", "-n", "auto", *arguments])


COMMANDS = {task.__name__: task for task in (demo, test, check, format, bench, peers, coverage, lock, newest)}


def failed_checks(python: Path) -> list[str]:
    """Run every check, also after one has failed, and return the names of those that failed."""
    failed = []
    for name, command in CHECKS.items():
        print(f"== {name}", flush=True)
        if run([python, *command]):
            failed.append(name)
    return failed


def locked_environment(name: str, lock_file: str) -> Path:
    """Return the Python of an environment that holds exactly the locked packages and Wengert itself, editable."""
    environment = ROOT / name
    python = interpreter(environment)
    stamp = environment / "wengert-stamp"
    # The folder is part of the stamp: in a copied checkout, the editable package would still be the original's.
    content = (ROOT / lock_file).read_bytes() + (ROOT / "pyproject.toml").read_bytes() + os.fsencode(ROOT)
    digest = hashlib.sha256(content).hexdigest()
    if not is_usable(python):
        create_environment(environment)
    elif stamp.is_file() and stamp.read_text() == digest:
        return python
    print(f"== installing {lock_file} into {name}", file=sys.stderr, flush=True)
    stamp.unlink(missing_ok=True)
    pip(python, "install", "--require-hashes", "--no-deps", "--requirement", lock_file)
    pip(python, "install", "--no-deps", "--no-build-isolation", "--editable", ".")
    locked = package_names((ROOT / lock_file).read_text("utf-8"))
    installed = package_names(pip(python, "list", "--format=freeze"))
    if strays := installed - locked - {"pip", "wengert"}:
        pip(python, "uninstall", "--yes", *sorted(strays))
    stamp.write_text(digest)
    return python


def create_environment(environment: Path) -> Path:
    """Make an empty virtual environment with pip and return its Python."""
    python = interpreter(environment)
    command: Command = [sys.executable, "-m", "venv", "--clear", environment]
    if subprocess.run(command, env=ENVIRONMENT, capture_output=True).returncode == 0:
        return python
    # Debian packages ensurepip apart from Python; there, the running Python's own pip puts pip into the environment.
    if run([*command, "--without-pip"]) or run([sys.executable, "-m", "pip", "--python", python, "install", "pip"]):
        sys.exit(f"Could not make a virtual environment with {sys.executable}; the message above says why.")
    return python


def interpreter(environment: Path) -> Path:
    """Return where the Python of a virtual environment lies."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_usable(python: Path) -> bool:
    """Tell whether this Python exists, is new enough and has pip."""
    question: Command = [python, "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
    return python.exists() and not subprocess.run(question, env=ENVIRONMENT, capture_output=True).returncode


def pip(python: Path, *arguments: str) -> str:
    """Run pip with the user's own settings (indexes, certificates, cache) and return what it prints."""
    command: Command = [python, "-m", "pip", *arguments]
    completed = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    if completed.returncode:
        sys.exit(f"{completed.stdout}{completed.stderr}\npip {arguments[0]} failed; its message is above.")
    return completed.stdout


def package_names(requirements: str) -> set[str]:
    """Return the names in lines such as `numpy==2.4.6`, spelled as pip compares them."""
    return {re.sub("[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", requirements, re.MULTILINE)}


def package_index(python: Path) -> list[str]:
    """Return uv's option for the index that the user's pip reads: uv does not read pip's settings."""
    settings = (line.partition("=") for line in pip(python, "config", "list").splitlines())
    return [f"--default-index={value.strip(chr(39))}" for name, _, value in settings if name.endswith(".index-url")][:1]


def run(command: Command, *, folder: Path = ROOT, text: str | None = None) -> int:
    """Run a program, first on the PATH the folder it lies in, and return its exit status."""
    path = os.pathsep.join([str(Path(command[0]).parent), ENVIRONMENT.get("PATH", os.defpath)])
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT | {"PATH": path}, input=text, text=True).returncode


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    if arguments and arguments[0] in COMMANDS:
        return COMMANDS[arguments[0]](arguments[1:])
    print(__doc__.strip())
    return 0 if arguments in (["help"], ["-h"], ["--help"]) else 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
