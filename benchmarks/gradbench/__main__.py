"""Speak GradBench's protocol: `python -m benchmarks.gradbench [--multithreaded]`."""

from __future__ import annotations

import sys

from benchmarks.machine import confine, set_threads

if __name__ == "__main__":
    if "--multithreaded" not in sys.argv[1:]:  # GradBench's other tools have the same option
        set_threads(1)
        confine(1)

    from benchmarks.gradbench.driver import main  # which imports NumPy

    main()
