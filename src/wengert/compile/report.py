"""What can be seen of a compiled function: its stages, and what runs where."""

from __future__ import annotations

from collections import Counter

from wengert.compile.backend import Executable
from wengert.graph.graph import Graph


class Lowered:
    """The stages from a function to machine code, each as text; None where a backend has no such stage."""

    def __init__(self, graph: Graph, executable: Executable) -> None:
        self.graph = graph
        self.loops = executable.loops
        self.llvm = executable.llvm
        self.assembly = executable.assembly

    def __str__(self) -> str:
        stages = [("graph", self.graph.to_text(values=False)), ("loops", self.loops), ("LLVM", self.llvm)]
        stages.append(("assembly", self.assembly))
        return "\n\n".join(f"-- {name} --\n{text}" for name, text in stages if text is not None)

    def __repr__(self) -> str:
        there = [name for name in ("loops", "llvm", "assembly") if getattr(self, name) is not None]
        return f"<lowered {self.graph.name}: {', '.join(['graph', *there])}>"


class Report:
    """Which operations of a compiled function run natively, and which are called back in NumPy and why.

    **Attributes**: `native`, the operations that run natively and how often each stands in the graph; `callbacks`,
    (operation, place in the user's code, reason) for each of the others; `guards`, the branches that are checked, as
    (outcome, place); `specializations` so far; `obstacle`: why the function runs eagerly instead, or "".
    """

    def __init__(self, graph: Graph, executable: Executable, obstacle: str, specializations: int) -> None:
        self.name = graph.name
        self.callbacks = list(executable.callbacks)
        self.is_native = executable.llvm is not None
        counts = Counter(node.operation for node in graph.operations)
        counts.subtract(name for name, *_ in self.callbacks)
        self.native = {name: n for name, n in sorted(counts.items()) if n > 0} if self.is_native else {}
        self.operations = len(graph)
        self.guards = [(guard.outcome, str(guard.location or "")) for guard in graph.guards]
        self.specializations = specializations
        self.obstacle = obstacle

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.operations} operations"]
        if self.obstacle:
            lines.append(f"  runs eagerly: {self.obstacle}")
        if self.is_native:
            native = ", ".join(f"{name}×{n}" if n > 1 else name for name, n in self.native.items())
            lines.append(f"  native: {native or 'none'}")
            lines.append("  in NumPy: " + ("" if self.callbacks else "none"))
            lines.extend(f"    {name} at {place}: {reason}" for name, place, reason in self.callbacks)
        else:
            lines.append("  all of them in NumPy: this backend makes no native code")
        lines.extend(f"  assumes {outcome} at {place}" for outcome, place in self.guards)
        lines.append(f"  specializations so far: {self.specializations}")
        return "\n".join(lines)

    __repr__ = __str__
