"""The cases, by topic. `tiny` makes each so small that it runs in milliseconds, for the tests."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.cases import classics, growth, loops, networks, operations, typical


def every_case(tiny: bool = False) -> list[Case]:
    """All cases, in the order of the report."""
    return [case for topic in (networks, loops, classics, typical, operations, growth) for case in topic.cases(tiny)]
