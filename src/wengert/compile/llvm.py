"""Kernels as text in LLVM's language (its reference: llvm.org/docs/LangRef.html)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from wengert.compile import parallel
from wengert.compile.foreign import Address, Invoke
from wengert.compile.loops import Accumulate, Check, Kernel, Loop, Offset, Store, Value
from wengert.compile.notes import annotated, note_on
from wengert.compile.scalar import FLOATS

MEMORY = {"i1": "i8"}  # a truth value takes a byte
LONG = 30  # lines of a function, from which on a call of it does not count
STACK = 64  # bytes: around a call of a function of mathematics, vectors wait on the stack, where none may cross a line
_NAME = "?"  # stands for a function's name while it is written
_BITS = {"double": "f64", "float": "f32"}

#: Functions of the C library that have vector forms in glibc's libmvec, with their number of arguments.
VECTOR_MATH = {
    "acos": 1, "acosh": 1, "asin": 1, "asinh": 1, "atan": 1, "atanh": 1, "cbrt": 1, "cos": 1, "cosh": 1, "erf": 1,
    "erfc": 1, "exp": 1, "exp2": 1, "expm1": 1, "log": 1, "log10": 1, "log1p": 1, "log2": 1, "sin": 1, "sinh": 1,
    "tan": 1, "tanh": 1, "atan2": 2, "hypot": 2, "pow": 2,
}  # fmt: skip
#: The instruction sets for which libmvec has them: their letter, and how many doubles a register holds.
VECTOR_FORMS = {"avx512f": ("e", 8), "avx2": ("d", 4)}


class Module:
    """The text of a module: its functions, and declarations of what they call."""

    def __init__(
        self, features: Iterable[str] = (), vector_math: Callable[[str], bool] | None = None, fast: bool = False
    ) -> None:
        self.functions: list[str] = []
        self.declared: dict[str, str] = {}
        self.kept: list[str] = []  # vector forms, which only the vectorizer calls
        features = frozenset(features)
        self.vector_math = vector_math or (lambda symbol: False)
        self.forms = [form for feature, form in VECTOR_FORMS.items() if vector_math and feature in features]
        self.fast = fast
        self.masks = "avx512f" in features
        self.attributes: dict[str, int] = {}
        self.count = 0
        self.notes: list[str] = []
        self.names: dict[str, str] = {}  # of kernels, the function's: equal ones are one function
        self._written: dict[str, str] = {}

    def unique(self) -> int:
        """A number that no other name has."""
        self.count += 1
        return self.count

    def __str__(self) -> str:
        kept = ", ".join(f"ptr @{name}" for name in self.kept)
        used = (
            f'@llvm.compiler.used = appending global [{len(self.kept)} x ptr] [{kept}], section "llvm.metadata"\n'
            if kept
            else ""
        )
        groups = "\n".join(f"attributes #{n} = {{ {text} }}" for text, n in self.attributes.items())
        return "\n".join([used, *self.declared.values(), *self.functions, groups, *self.notes])

    def group(self, text: str) -> str:
        """The number of an attribute group."""
        return f"#{self.attributes.setdefault(text, len(self.attributes))}"

    def constant(self, type_: str, value: str) -> str:
        """A number in memory, for Fortran, which takes references."""
        name = f"@n.{type_}.{value.replace('.', '_').replace('-', 'm')}"
        self.declared.setdefault(name, f"{name} = private unnamed_addr constant {type_} {value}")
        return name

    def intrinsic(self, name: str, type_: str, count: int) -> str:
        """Declare llvm.name for a type."""
        full = f"llvm.{name}.{_BITS.get(type_, type_)}"
        self.declared.setdefault(full, f"declare {type_} @{full}({', '.join([type_] * count)})")
        return full

    def math(self, name: str, type_: str, count: int) -> tuple[str, str]:
        """Declare a function of the C library and its vector forms; its symbol, and the attributes of a call."""
        symbol = name if type_ == "double" else f"{name}f"
        pure = self.group("nounwind willreturn memory(none)")
        self.declared.setdefault(symbol, f"declare {type_} @{symbol}({', '.join([type_] * count)}) {pure}")
        if name not in VECTOR_MATH or not self.forms:
            return symbol, pure
        variants = []
        for letter, doubles in self.forms:
            n = doubles if type_ == "double" else 2 * doubles
            arguments = "v" * count
            vector = f"_ZGV{letter}N{n}{arguments}_{symbol}"
            if not self.vector_math(vector):
                continue
            if vector not in self.declared:
                of = f"<{n} x {type_}>"
                self.declared[vector] = f"declare {of} @{vector}({', '.join([of] * count)}) {pure}"
                self.kept.append(vector)
            variants.append(f"_ZGV_LLVM_N{n}{arguments}_{symbol}({vector})")
        if not variants:
            return symbol, pure
        text = f'nounwind willreturn memory(none) "vector-function-abi-variant"="{",".join(variants)}"'
        return symbol, self.group(text)

    def kernel(self, kernel: Kernel) -> None:
        """Add the function of a kernel: a pointer per buffer, no two of which overlap.

        Kernels that differ in their buffers only, as those of a network's layers do, are one function.
        """
        parts = len(self.functions)
        self.functions.append(Function(self, kernel._replace(name=_NAME)).text())
        text = "\n".join(self.functions[parts:])
        del self.functions[parts:]
        if text not in self._written:
            self._written[text] = kernel.name
            self.functions.append(annotated(text.replace(_NAME, kernel.name), self.notes))
        self.names[kernel.name] = self._written[text]


class Function:
    """The function of a kernel, as it is written."""

    def __init__(self, module: Module, kernel: Kernel) -> None:
        self.module, self.kernel = module, kernel
        self.lines: list[str] = []
        self.entry: list[str] = []  # the variables, which the optimizer turns into registers
        self.count = 0
        self.block = "entry"
        self.pointers = {id(b): f"%p{i}" for i, b in enumerate(kernel.buffers)}

    def text(self) -> str:
        self.body(self.kernel.body)
        self.lines.append("ret i64 0")
        divided = parallel.is_divided(self.kernel)
        kind = "ptr noalias" if divided else "ptr noalias nocapture"
        parameters = [f"{kind} {p}" for p in self.pointers.values()] + (["ptr %run, i64 %threads"] if divided else [])
        return self.definition(f"i64 @{self.kernel.name}({', '.join(parameters)})")

    def definition(self, head: str) -> str:
        """The function with this result, name and parameters, of the lines that were written."""
        # LLVM would inline what is called once, and is slow with one long function instead of several shorter ones.
        apart = "noinline " if len(self.lines) > LONG else ""
        wide = self.module.group(f'nounwind alignstack={STACK} {apart}"prefer-vector-width"="512"')
        lines = [f"  {line}" if not line.endswith(":") else line for line in [*self.entry, "br label %start"]]
        lines.append("start:")
        lines += [f"  {line}" if not line.endswith(":") else line for line in self.lines]
        return f"define internal {head} {wide} {{\nentry:\n" + "\n".join(lines) + "\n}"

    def fresh(self) -> str:
        self.count += 1
        return f"%t{self.count}"

    def emit(self, text: str) -> str:
        name = self.fresh()
        self.lines.append(f"{name} = {text}")
        return name

    def body(self, statements: Sequence[Any]) -> None:
        for statement in statements:
            if isinstance(statement, parallel.Divided):
                parallel.emit(self, statement)
            elif isinstance(statement, Loop):
                self.loop(statement)
            elif isinstance(statement, Store):
                self.store(statement)
            elif isinstance(statement, Accumulate):
                old = self.emit(f"load {statement.variable.type}, ptr {statement.variable}")
                new = self.combine(statement.op, statement.variable.type, old, statement.value)
                self.lines.append(f"store {statement.variable.type} {new}, ptr {statement.variable}")
            elif isinstance(statement, Check):
                self.check(statement)
            elif isinstance(statement, Invoke):
                self.invoke(statement)
            else:
                self.value(statement)

    def loop(self, loop: Loop) -> None:
        self.count += 1
        label, var = f"L{self.count}", str(loop.var)
        self.lines.append(f"br label %{label}.before")
        self.lines.append(f"{label}.before:")
        extent = str(loop.extent)
        some = self.emit(f"icmp sgt i64 {extent}, {loop.start}")
        self.lines.append(f"br i1 {some}, label %{label}, label %{label}.after")
        self.lines.append(f"{label}:")
        self.lines.append(f"{var} = phi i64 [ {loop.start}, %{label}.before ], [ {var}.next, %{label}.end ]")
        self.body(loop.body)
        self.lines.append(f"br label %{label}.end")
        self.lines.append(f"{label}.end:")
        self.lines.append(f"{var}.next = add nuw nsw i64 {var}, {loop.step}")
        more = self.emit(f"icmp slt i64 {var}.next, {extent}")
        note = note_on(loop, self.module.masks)
        self.lines.append(f"br i1 {more}, label %{label}, label %{label}.after{note}")
        self.lines.append(f"{label}.after:")

    def check(self, statement: Check) -> None:
        self.count += 1
        label = f"C{self.count}"
        self.lines.append(f"br i1 {statement.condition}, label %{label}.go, label %{label}.leave")
        self.lines.append(f"{label}.leave:")
        self.lines.append(f"ret i64 {statement.code}")
        self.lines.append(f"{label}.go:")

    def invoke(self, statement: Invoke) -> None:
        args = []
        for arg in statement.args:
            if isinstance(arg, Address):
                args.append(self.address(*arg))
            elif isinstance(arg, Value):
                args.append(str(arg))
            elif isinstance(arg, str):
                args.append(self.module.constant("i8", str(ord(arg))))
            elif isinstance(arg, int):
                args.append(self.module.constant("i32", str(arg)))
            else:
                args.append(self.module.constant(statement.type, str(arg)))
        pointer = self.pointers[id(statement.function)]
        self.lines.append(f"call void {pointer}({', '.join(f'ptr {a}' for a in args)})")

    def address(self, buffer: Any, offset: Offset) -> str:
        terms = []
        for value, factor in offset.terms:
            terms.append(str(value) if factor == 1 else self.emit(f"mul nsw i64 {value}, {factor}"))
        if offset.constant or not terms:
            terms.append(str(offset.constant))
        place = terms[0]
        for term in terms[1:]:
            place = self.emit(f"add nsw i64 {place}, {term}")
        pointer = self.pointers[id(buffer)]
        return self.emit(f"getelementptr inbounds {MEMORY.get(buffer.type, buffer.type)}, ptr {pointer}, i64 {place}")

    def store(self, statement: Store) -> None:
        address = self.address(statement.buffer, statement.offset)
        type_, value = statement.buffer.type, str(statement.value)
        if statement.op:
            value = self.combine(statement.op, type_, self.read(type_, address), statement.value)
        if type_ == "i1":
            value, type_ = self.emit(f"zext i1 {value} to i8"), "i8"
        self.lines.append(f"store {type_} {value}, ptr {address}")

    def read(self, type_: str, address: str) -> str:
        if type_ != "i1":
            return self.emit(f"load {type_}, ptr {address}")
        byte = self.emit(f"load i8, ptr {address}")
        return self.emit(f"icmp ne i8 {byte}, 0")

    def combine(self, op: str, type_: str, old: str, new: Value | str) -> str:
        """One more term; the order of a sum's terms is free, so that they can be added several at a time."""
        floating = type_ in FLOATS
        if op == "set":
            return str(new)
        if op in ("add", "multiply"):
            word = {"add": "add", "multiply": "mul"}[op]
            return self.emit(f"f{word} reassoc {type_} {old}, {new}" if floating else f"{word} {type_} {old}, {new}")
        if op in ("or", "and"):
            return self.emit(f"{op} {type_} {old}, {new}")
        if floating:
            name = self.module.intrinsic("maximum" if op == "max" else "minimum", type_, 2)
        else:
            name = self.module.intrinsic(("u" if type_ == "i1" else "s") + op, type_, 2)
        return self.emit(f"call {type_} @{name}({type_} {old}, {type_} {new})")

    def value(self, v: Value) -> None:
        op, type_ = v.op, v.type
        kind, _, rest = op.partition(" ")
        args = v.args
        if op == "load":
            address = self.address(*args)
            if type_ == "i1":
                byte = self.emit(f"load i8, ptr {address}")
                text = f"icmp ne i8 {byte}, 0"
            else:
                text = f"load {type_}, ptr {address}"
        elif op == "variable":
            self.entry.append(f"{v} = alloca {type_}")
            self.lines.append(f"store {type_} {args[0]}, ptr {v}")
            return
        elif op == "read":
            text = f"load {type_}, ptr {args[0]}"
        elif kind == "math":
            symbol, group = self.module.math(rest, type_, len(args))
            text = f"call {self.flags('')}{type_} @{symbol}({', '.join(f'{a.type} {a}' for a in args)}) {group}"
        elif op == "foreign":
            pure = self.module.group("nounwind willreturn memory(none)")
            given = ", ".join(f"{a.type} {a}" for a in args[1:])
            text = f"call {type_} {self.pointers[id(args[0])]}({given}) {pure}"
        elif kind == "intrinsic":
            symbol = self.module.intrinsic(rest, type_, len(args))
            text = f"call {type_} @{symbol}({', '.join(f'{a.type} {a}' for a in args)})"
        elif kind == "overflow":
            name = f"llvm.{rest}.with.overflow.i64"
            self.module.declared.setdefault(name, f"declare {{i64, i1}} @{name}(i64, i64)")
            pair = self.emit(f"call {{i64, i1}} @{name}(i64 {args[0]}, i64 {args[1]})")
            text = f"extractvalue {{i64, i1}} {pair}, 1"
        elif kind in ("icmp", "fcmp"):
            text = f"{op} {args[0].type} {args[0]}, {args[1]}"
        elif op == "select":
            text = f"select i1 {args[0]}, {type_} {args[1]}, {type_} {args[2]}"
        elif kind == "cast":
            text = f"{rest} {args[0].type} {args[0]} to {type_}"
            if rest == "fptosi":  # of what has no integer: NumPy's answer is the processor's, LLVM's would be undefined
                text = f"freeze {type_} {self.emit(text)}"
        elif op == "fneg":
            text = f"fneg {self.flags()}{type_} {args[0]}"
        else:
            flags = self.flags() if op.startswith("f") else ""
            text = f"{op} {flags}{type_} {args[0]}, {args[1]}"
        self.lines.append(f"{v} = {text}")

    def flags(self, default: str = "") -> str:
        return "fast " if self.module.fast else default
