"""What the optimizer is told of loops: notes in the text, to which a loop's last branch refers."""

from __future__ import annotations

import re

from wengert.compile.loops import SIZES, Accumulate, Loop, Store, Value

MUCH = 128  # statements in a loop, of which the vectorizer need not do two rounds at a time to keep the processor busy
LEAST, ROW, CALLS = 8, 64, 256  # rounds of a loop that is a row; one that calls functions of mathematics may be longer
VECTOR = 64  # bytes

_WORDS = {
    "once": ['!"llvm.loop.interleave.count", i32 1'],
    "row": ['!"llvm.loop.unroll.disable"'],
    "masked": ['!"llvm.loop.unroll.disable"', '!"llvm.loop.vectorize.predicate.enable", i1 true'],
}
_MARK = re.compile(f"!({'|'.join(_WORDS)})!")


def note_on(loop: Loop, masks: bool) -> str:
    """What stands behind a loop's last branch until `annotated` has numbers for it; mostly nothing.

    A short loop along a row LLVM would write out before it looks for vectors, and then find them across the rows, where
    the elements lie apart. With `masks` (AVX-512) the last vector of a row is one of fewer elements, which counts most
    where functions of mathematics would be called for one element after the other; but not where a row is added to,
    since what a masked store wrote cannot be read again at once.
    """
    kind = "once" if len(loop.body) > MUCH else _row(loop, masks)
    return f", !{kind}!" if kind else ""


def _row(loop: Loop, masks: bool) -> str:
    stores = [s for s in loop.body if isinstance(s, Store)]
    values = [s for s in loop.body if isinstance(s, Value)]
    calls = any(v.op.startswith("math") for v in values)
    longest = CALLS if calls else ROW
    if not (isinstance(loop.extent, int) and loop.step == 1 and LEAST <= loop.extent <= longest):
        return ""
    if not stores or not all(isinstance(s, (Value, Store, Accumulate)) for s in loop.body):
        return ""
    offsets = [*(s.offset for s in stores), *(v.args[1] for v in values if v.op == "load")]
    if any(v.op != "loop" or (v is loop.var and factor != 1) for offset in offsets for v, factor in offset.terms):
        return ""
    if masks and not any(s.op or loop.extent * SIZES[s.buffer.type] % VECTOR == 0 for s in stores):
        return "masked"
    return "" if calls else "row"


def annotated(text: str, notes: list[str]) -> str:
    """A function in which each loop that has something to be said refers to a note of its own among the notes."""

    def numbered(found: re.Match[str]) -> str:
        n, words = len(notes), _WORDS[found.group(1)]
        refers = "".join(f", !{n + k}" for k in range(1, len(words) + 1))
        notes.append(f"!{n} = distinct !{{!{n}{refers}}}")
        notes.extend(f"!{n + k} = !{{{word}}}" for k, word in enumerate(words, 1))
        return f"!llvm.loop !{n}"

    return _MARK.sub(numbered, text)
