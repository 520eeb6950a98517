"""Where the measuring was done."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

from benchmarks.environment import version

#: Every library that NumPy and the peers may take their number of threads from.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def set_threads(count: int) -> None:
    """Give this process's children, and what it has not loaded yet, this many threads."""
    os.environ |= dict.fromkeys(THREADS, str(count))


def confine(threads: int) -> None:
    """Leave this process so many cores, since not every library can be told how many threads it may have (JAX)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def machine(peers: list[str]) -> dict[str, str]:
    """Processor, systems and versions, as the report prints them."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "threads used": os.environ.get("OMP_NUM_THREADS", "not set"),
        "load before the run": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "system": f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}".rstrip(", "),
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        **{name: version(name) for name in peers},
        "BLAS": blas(),
    }


def processor() -> str:
    """The processor's name and its vector instructions."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in info.read_text().split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    name = fields.get("model name", platform.machine())
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields['model']})"
    vectors = [flag for flag in ("avx512f", "avx2") if flag in fields.get("flags", "").split()]
    return ", ".join([name, *vectors[:1]])


def blas() -> str:
    """The linear algebra library of NumPy."""
    import numpy as np

    found = np.__config__.CONFIG["Build Dependencies"]["blas"]
    return f"{found['name']} {found['version']}"
