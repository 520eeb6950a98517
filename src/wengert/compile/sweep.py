"""The way back over a scan of which few carries are kept, as native code: the schedule of transform/snapshots.py.

The last snapshot that was taken leads on: to where the next one is to be taken, or, where there is no room for another,
to the step before the end, which is then reversed; a snapshot that has been used is given up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wengert.compile.flow import at, call, jump, starts
from wengert.compile.steps import Swept

if TYPE_CHECKING:
    from wengert.compile.driver import Body

#: How far the next of s snapshots is, with so many steps to go: `_distance` of transform/snapshots.py. The binomials
#: are C(s + r, s) and those for r − 1 and r − 2; C(s − 1 + r, s − 1) is the difference of the first two (Pascal).
_DISTANCE = """define internal i64 @snapshot.distance(i64 %steps, i64 %s) {
entry:
  %first = add i64 %s, 1
  br label %head
head:
  %r = phi i64 [ 1, %entry ], [ %next, %more ]
  %third = phi i64 [ 0, %entry ], [ %second, %more ]
  %second = phi i64 [ 1, %entry ], [ %c, %more ]
  %c = phi i64 [ %first, %entry ], [ %grown, %more ]
  %short = icmp slt i64 %c, %steps
  br i1 %short, label %more, label %found
more:
  %next = add i64 %r, 1
  %sum = add i64 %s, %next
  %product = mul i64 %c, %sum
  %grown = sdiv i64 %product, %next
  br label %head
found:
  %rest = sub i64 %c, %second
  %far = sub i64 %steps, %rest
  %low = call i64 @llvm.smax.i64(i64 %far, i64 %third)
  %distance = call i64 @llvm.smax.i64(i64 %low, i64 1)
  ret i64 %distance
}"""


def emit(body: Body, step: Swept) -> None:
    """Write the loop."""
    forth, back = body.driver.inner(step.body), body.driver.inner(step.back)
    body.module.intrinsic("smax", "i64", 2)
    if _DISTANCE not in body.module.functions:
        body.module.functions.append(_DISTANCE)
    n, carry, states = step.length, len(step.kept), len(step.states)
    given = starts(body, step.given)
    fixed, first = given[: step.consts], given[step.consts : step.consts + carry]
    rest = given[step.consts + carry :]
    arrays = step.arrays
    xs, state, rows = rest[:arrays], rest[arrays : arrays + states], rest[arrays + states :]
    slices = step.back.inputs[step.consts + states + carry :]
    kept = [body.pointer(b) for b in step.kept]
    places = [tuple(map(body.pointer, three)) for three in step.places]
    unused = [body.pointer(b) for b in step.unused]
    pairs = [tuple(map(body.pointer, pair)) for pair in step.states]
    results = [body.pointer(b) for b in step.results]
    taken, arena = body.pointer(step.taken), body.pointer(step.workspace)
    sizes = [b.bytes for b in step.body.outputs[:carry]]
    top, end = body.variable("i64", "0"), body.variable("i64", "0")
    here = [body.variable("ptr", "null") for _ in state]
    label = f"sweep{body.module.unique()}"

    for place, start, size in zip(kept, first, sizes, strict=True):
        body.copy(place, start, size)
    for variable, start in zip(here, state, strict=True):
        body.lines.append(f"store ptr {start}, ptr {variable}")
    body.lines += [f"store i64 0, ptr {taken}", f"store i64 0, ptr {top}", f"store i64 {n}, ptr {end}"]
    jump(body, label)
    stop, last = body.new(f"load i64, ptr {end}"), body.new(f"load i64, ptr {top}")
    done = body.new(f"icmp eq i64 {stop}, 0")
    body.lines.append(f"br i1 {done}, label %{label}.after, label %{label}.on")
    body.label(f"{label}.on")
    begin = body.new(f"load i64, ptr {at(body, taken, last, 8)}")
    steps = body.new(f"sub i64 {stop}, {begin}")
    room = body.new(f"sub i64 {step.snapshots}, {last}")  # one more than there are free places
    single = body.new(f"icmp eq i64 {steps}, 1")
    free = body.new(f"icmp sgt i64 {room}, 1")
    on = body.new(f"select i1 {single}, i1 false, i1 {free}")
    distance = body.new(f"call i64 @snapshot.distance(i64 {steps}, i64 {room})")
    before = body.new(f"sub i64 {steps}, 1")
    count = body.new(f"select i1 {on}, i64 {distance}, i64 {before}")
    target = body.new(f"add i64 {begin}, {count}")
    following = body.new(f"add i64 {last}, 1")
    origin = [at(body, place, last, size) for place, size in zip(kept, sizes, strict=True)]
    goal = [
        body.new(f"select i1 {on}, ptr {at(body, place, following, size)}, ptr {three[2]}")
        for place, three, size in zip(kept, places, sizes, strict=True)
    ]

    def row(t: str) -> str:
        return body.new(f"sub i64 {n - 1}, {t}") if step.reverse else t

    # Forward from the snapshot.
    outside = body.block
    jump(body, f"{label}.forth")
    i = f"%i.{label}"
    body.lines.append(f"{i} = phi i64 [ 0, %{outside} ], [ {i}.next, %{label}.forth.end ]")
    now = [f"%c.{label}.{k}" for k in range(carry)]
    for k, name in enumerate(now):
        body.lines.append(f"{name} = phi ptr [ {origin[k]}, %{outside} ], [ {name}.next, %{label}.forth.end ]")
    more = body.new(f"icmp slt i64 {i}, {count}")
    body.lines.append(f"br i1 {more}, label %{label}.step, label %{label}.there")
    body.label(f"{label}.step")
    body.lines.append(f"{i}.next = add i64 {i}, 1")
    final, odd = body.new(f"icmp eq i64 {i}.next, {count}"), body.new(f"trunc i64 {i} to i1")
    for k, name in enumerate(now):
        other = body.new(f"select i1 {odd}, ptr {places[k][0]}, ptr {places[k][1]}")
        body.lines.append(f"{name}.next = select i1 {final}, ptr {goal[k]}, ptr {other}")
    t = row(body.new(f"add i64 {begin}, {i}"))
    sliced = [at(body, x, t, b.bytes) for x, b in zip(xs, slices, strict=False)]
    call(body, forth, arena, [*fixed, *now, *sliced, *(f"{name}.next" for name in now), *unused])
    jump(body, f"{label}.forth.end")
    body.lines.append(f"br label %{label}.forth")

    # There: another snapshot, or the step back.
    body.label(f"{label}.there")
    body.lines.append(f"br i1 {on}, label %{label}.keep, label %{label}.back")
    body.label(f"{label}.keep")
    body.lines.append(f"store i64 {target}, ptr {at(body, taken, following, 8)}")
    body.lines += [f"store i64 {following}, ptr {top}", f"br label %{label}"]
    body.label(f"{label}.back")
    t = row(target)
    sliced = [at(body, x, t, b.bytes) for x, b in zip([*xs, *rows], slices, strict=True)]
    even = body.new(f"trunc i64 {target} to i1")
    old = [body.new(f"load ptr, ptr {variable}") for variable in here]
    new = [body.new(f"select i1 {even}, ptr {a}, ptr {b}") for a, b in pairs]
    outputs = step.back.outputs[states:]
    written = [at(body, place, t, b.bytes) for place, b in zip(results[states:], outputs, strict=True)]
    call(body, back, arena, [*fixed, *old, *now, *sliced, *new, *written])
    body.lines += [f"store ptr {place}, ptr {variable}" for place, variable in zip(new, here, strict=True)]
    fewer = body.new(f"sub i64 {last}, {body.new(f'zext i1 {single} to i64')}")
    body.lines += [f"store i64 {fewer}, ptr {top}", f"store i64 {target}, ptr {end}", f"br label %{label}"]
    body.label(f"{label}.after")
    for place, variable, b in zip(results, here, step.back.outputs, strict=False):
        body.copy(place, body.new(f"load ptr, ptr {variable}"), b.bytes)
