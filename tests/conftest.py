"""What all tests have in common."""

from __future__ import annotations

import os
import shutil
import tempfile

# NumPy reads it when it is imported: threads of several workers for small matrices only stand in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_configure(config):
    """Compiled code goes to a directory of this run, not to the user's cache."""
    if hasattr(config, "workerinput"):
        return  # a worker has the environment of the process that started it
    directory = tempfile.mkdtemp(prefix="wengert-tests-")
    config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))
    os.environ["WENGERT_CACHE_DIR"] = directory
    for name in ("WENGERT_CACHE", "WENGERT_CACHE_SIZE"):
        os.environ.pop(name, None)


#: Programs that obtain figures from other libraries; they are run by hand.
collect_ignore_glob = ["*/make_*.py"]
