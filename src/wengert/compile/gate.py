"""The native function through which Python enters compiled code, with no Python in between.

One function serves all programs: what is special about a program is in its record (`entry.py`), which is the memory of
the array that Python passes as `self`. The code holds no address; what it calls is in the table `%Host`.
"""

from __future__ import annotations

import re

LIMIT = 64  #: results of a program; for more there is no entry

#: Kinds of arguments: an array; a float or NumPy's number, which is the eight bytes behind the head; an int.
ARRAY, BYTES, INTEGER = range(3)
#: Further kinds of results: a NumPy scalar, a float (that has to be finite), an int, a truth value.
SCALAR, FLOAT, INT, BOOL = range(1, 5)

#: What the code reads and writes: the fields of each structure, and their types. Arguments and results are followed by
#: the lengths of their axes. `place`: where the address of an array goes, and where a number is.
STRUCTURES = {
    "Array": {  # numpy/ndarraytypes.h
        "references": "i64", "type": "ptr", "data": "ptr", "axes": "i32", "lengths": "ptr", "strides": "ptr",
        "base": "ptr", "dtype": "ptr", "flags": "i32",
    },
    "Record": {  # `make`, `put`: of a tuple or list for the results; null where there is one result and no more.
        # `apart`: other threads run meanwhile; `raised`: where the program leaves an exception, if it can
        "host": "ptr", "busy": "i64", "arguments": "i64", "results": "i64", "make": "ptr", "put": "ptr",
        "function": "ptr", "table": "ptr", "first": "ptr", "apart": "i64", "raised": "ptr",
    },
    "Argument": {"type": "ptr", "kind": "i64", "place": "ptr", "dtype": "ptr", "flags": "i64", "axes": "i64"},
    "Result": {"kind": "i64", "place": "ptr", "dtype": "ptr", "axes": "i64"},
    "Host": dict.fromkeys([
        "NotImplemented", "ndarray", "PyArray_NewFromDescr", "PyArray_Scalar", "PyFloat_FromDouble",
        "PyLong_FromLongLong", "PyBool_FromLong", "PyLong_AsLongLongAndOverflow", "Py_IncRef", "Py_DecRef",
        "PyEval_SaveThread", "PyEval_RestoreThread", "PyErr_Restore",
    ], "ptr"),
}  # fmt: skip

# LLVM's language, with three words more: `get S.f %p` reads the field f of the structure S at %p, `at S.f %p` is its
# address, and `call T Host.f(…)` calls what the table holds.
# The program runs in memory that belongs to the entry, which must not be entered twice at a time: `busy` says whether
# it is. Nothing that is called before `finish` runs Python code, but while a long program runs other threads do.
_CODE = f"""
define ptr @enter(ptr %self, ptr %args, i64 %count) {{
begin:
  %made = alloca [{LIMIT} x ptr]
  %overflow = alloca i32
  %record = get Array.data %self
  %host = get Record.host %record
  %busy = at Record.busy %record
  %is.busy = load i64, ptr %busy
  %wanted = get Record.arguments %record
  %results = get Record.results %record
  %first.argument = getelementptr %Record, ptr %record, i64 1
  %first.result = get Record.first %record
  %right.count = icmp eq i64 %count, %wanted
  %free = icmp eq i64 %is.busy, 0
  %go = and i1 %right.count, %free
  br i1 %go, label %arguments, label %decline

; Is each argument as it was, in type, dtype, lengths and layout? Addresses of arrays and numbers go to their places.
arguments:
  %i = phi i64 [ 0, %begin ], [ %i.next, %argument.done ]
  %a = phi ptr [ %first.argument, %begin ], [ %a.next, %argument.done ]
  %more.arguments = icmp slt i64 %i, %count
  br i1 %more.arguments, label %argument, label %allocate
argument:
  %arg.at = getelementptr ptr, ptr %args, i64 %i
  %arg = load ptr, ptr %arg.at
  %type = get Array.type %arg
  %a.type = get Argument.type %a
  %a.axes = get Argument.axes %a
  %a.lengths = getelementptr %Argument, ptr %a, i64 1
  %right.type = icmp eq ptr %type, %a.type
  br i1 %right.type, label %argument.kind, label %decline
argument.kind:
  %a.kind = get Argument.kind %a
  switch i64 %a.kind, label %array [ i64 {BYTES}, label %bytes
                                     i64 {INTEGER}, label %integer ]
array:
  %dtype = get Array.dtype %arg
  %a.dtype = get Argument.dtype %a
  %right.dtype = icmp eq ptr %dtype, %a.dtype
  %flags = get Array.flags %arg
  %a.flags.all = get Argument.flags %a
  %a.flags = trunc i64 %a.flags.all to i32
  %flags.set = and i32 %flags, %a.flags
  %right.flags = icmp eq i32 %flags.set, %a.flags
  %axes.short = get Array.axes %arg
  %axes = sext i32 %axes.short to i64
  %right.axes = icmp eq i64 %axes, %a.axes
  %both = and i1 %right.dtype, %right.flags
  %right.array = and i1 %both, %right.axes
  %lengths = get Array.lengths %arg
  br i1 %right.array, label %lengths.begin, label %decline
lengths.begin:
  %k = phi i64 [ 0, %array ], [ %k.next, %length ]
  %more.lengths = icmp slt i64 %k, %a.axes
  br i1 %more.lengths, label %length, label %array.done
length:
  %length.at = getelementptr i64, ptr %lengths, i64 %k
  %length.there = load i64, ptr %length.at
  %a.length.at = getelementptr i64, ptr %a.lengths, i64 %k
  %a.length = load i64, ptr %a.length.at
  %right.length = icmp eq i64 %length.there, %a.length
  %k.next = add i64 %k, 1
  br i1 %right.length, label %lengths.begin, label %decline
array.done:
  %data = get Array.data %arg
  %data.bits = ptrtoint ptr %data to i64
  br label %argument.done
bytes:
  %behind.head = at Array.data %arg
  %number = load i64, ptr %behind.head
  br label %argument.done
integer:
  %long = call i64 Host.PyLong_AsLongLongAndOverflow(ptr %arg, ptr %overflow)
  %over = load i32, ptr %overflow
  %fits = icmp eq i32 %over, 0
  br i1 %fits, label %argument.done, label %decline
argument.done:
  %value = phi i64 [ %data.bits, %array.done ], [ %number, %bytes ], [ %long, %integer ]
  %a.place = get Argument.place %a
  store i64 %value, ptr %a.place
  %a.next = getelementptr i64, ptr %a.lengths, i64 %a.axes
  %i.next = add i64 %i, 1
  br label %arguments

; New arrays for the results.
allocate:
  store i64 1, ptr %busy
  br label %allocations
allocations:
  %j = phi i64 [ 0, %allocate ], [ %j.next, %allocated ]
  %r = phi ptr [ %first.result, %allocate ], [ %r.next, %allocated ]
  %more.allocations = icmp slt i64 %j, %results
  br i1 %more.allocations, label %allocation, label %run
allocation:
  %made.at = getelementptr ptr, ptr %made, i64 %j
  store ptr null, ptr %made.at
  %r.kind = get Result.kind %r
  %r.axes = get Result.axes %r
  %r.lengths = getelementptr %Result, ptr %r, i64 1
  %is.array = icmp eq i64 %r.kind, {ARRAY}
  br i1 %is.array, label %new.array, label %allocated
new.array:
  %r.dtype = get Result.dtype %r
  call void Host.Py_IncRef(ptr %r.dtype)
  %ndarray = get Host.ndarray %host
  %r.axes.short = trunc i64 %r.axes to i32
  %out = call ptr Host.PyArray_NewFromDescr(ptr %ndarray, ptr %r.dtype, i32 %r.axes.short, ptr %r.lengths,
                                                ptr null, ptr null, i32 0, ptr null)
  store ptr %out, ptr %made.at
  %no.array = icmp eq ptr %out, null
  br i1 %no.array, label %fail, label %new.done
new.done:
  %out.data = get Array.data %out
  %r.place = get Result.place %r
  store ptr %out.data, ptr %r.place
  br label %allocated
allocated:
  %r.next = getelementptr i64, ptr %r.lengths, i64 %r.axes
  %j.next = add i64 %j, 1
  br label %allocations

run:
  %function = get Record.function %record
  %table = get Record.table %record
  %apart = get Record.apart %record
  %is.short = icmp eq i64 %apart, 0
  br i1 %is.short, label %run.here, label %run.apart
run.here:
  %code.here = call i64 %function(ptr %table)
  br label %ran
run.apart:
  %state = call ptr Host.PyEval_SaveThread()
  %code.apart = call i64 %function(ptr %table)
  call void Host.PyEval_RestoreThread(ptr %state)
  br label %ran
ran:
  %code = phi i64 [ %code.here, %run.here ], [ %code.apart, %run.apart ]
  switch i64 %code, label %refuse [ i64 0, label %objects
                                    i64 -1, label %raised ]

; Python's objects for the results that are numbers.
objects:
  %m = phi i64 [ 0, %ran ], [ %m.next, %object.done ]
  %o = phi ptr [ %first.result, %ran ], [ %o.next, %object.done ]
  %more.objects = icmp slt i64 %m, %results
  br i1 %more.objects, label %object, label %finish
object:
  %o.made.at = getelementptr ptr, ptr %made, i64 %m
  %o.kind = get Result.kind %o
  %o.place = get Result.place %o
  %o.axes = get Result.axes %o
  %o.lengths = getelementptr %Result, ptr %o, i64 1
  switch i64 %o.kind, label %object.done [ i64 {SCALAR}, label %scalar
                                           i64 {FLOAT}, label %float
                                           i64 {INT}, label %int
                                           i64 {BOOL}, label %bool ]
scalar:
  %o.dtype = get Result.dtype %o
  %new.scalar = call ptr Host.PyArray_Scalar(ptr %o.place, ptr %o.dtype, ptr null)
  br label %object.made
float:
  %double = load double, ptr %o.place
  %zero = fsub double %double, %double
  %finite = fcmp oeq double %zero, 0.0
  br i1 %finite, label %float.finite, label %refuse
float.finite:
  %new.float = call ptr Host.PyFloat_FromDouble(double %double)
  br label %object.made
int:
  %whole = load i64, ptr %o.place
  %new.int = call ptr Host.PyLong_FromLongLong(i64 %whole)
  br label %object.made
bool:
  %byte = load i8, ptr %o.place
  %is.true = icmp ne i8 %byte, 0
  %truth = zext i1 %is.true to i64
  %new.bool = call ptr Host.PyBool_FromLong(i64 %truth)
  br label %object.made
object.made:
  %new.object = phi ptr [ %new.scalar, %scalar ], [ %new.float, %float.finite ],
                        [ %new.int, %int ], [ %new.bool, %bool ]
  store ptr %new.object, ptr %o.made.at
  %no.object = icmp eq ptr %new.object, null
  br i1 %no.object, label %fail.all, label %object.done
object.done:
  %o.next = getelementptr i64, ptr %o.lengths, i64 %o.axes
  %m.next = add i64 %m, 1
  br label %objects

; One result, or a tuple or list of them: making one may collect garbage and so run any code, but all else is done.
finish:
  store i64 0, ptr %busy
  %make = get Record.make %record
  %put = get Record.put %record
  %is.single = icmp eq ptr %make, null
  br i1 %is.single, label %single, label %several
single:
  %only = load ptr, ptr %made
  ret ptr %only
several:
  %sequence = call ptr %make(i64 %results)
  %no.sequence = icmp eq ptr %sequence, null
  br i1 %no.sequence, label %drop, label %items
items:
  %n = phi i64 [ 0, %several ], [ %n.next, %item ]
  %more.items = icmp slt i64 %n, %results
  br i1 %more.items, label %item, label %done
item:
  %n.made.at = getelementptr ptr, ptr %made, i64 %n
  %n.made = load ptr, ptr %n.made.at
  %was.set = call i32 %put(ptr %sequence, i64 %n, ptr %n.made)
  %n.next = add i64 %n, 1
  br label %items
done:
  ret ptr %sequence

; What was made is given up: with the exception that is set, or for NotImplemented.
raised:
  %raised.at = get Record.raised %record
  %raised.type = load ptr, ptr %raised.at
  %raised.value.at = getelementptr ptr, ptr %raised.at, i64 1
  %raised.value = load ptr, ptr %raised.value.at
  %raised.trace.at = getelementptr ptr, ptr %raised.at, i64 2
  %raised.trace = load ptr, ptr %raised.trace.at
  call void Host.PyErr_Restore(ptr %raised.type, ptr %raised.value, ptr %raised.trace)
  br label %fail.all
fail:
  store i64 0, ptr %busy
  br label %drop
fail.all:
  store i64 0, ptr %busy
  br label %drop
refuse:
  store i64 0, ptr %busy
  %refusal = get Host.NotImplemented %host
  br label %drop
drop:
  %answer = phi ptr [ null, %several ], [ null, %fail ], [ null, %fail.all ], [ %refusal, %refuse ]
  %there = phi i64 [ %results, %several ], [ %j, %fail ], [ %results, %fail.all ], [ %results, %refuse ]
  br label %drops
drops:
  %d = phi i64 [ 0, %drop ], [ %d.next, %dropped ]
  %more.drops = icmp slt i64 %d, %there
  br i1 %more.drops, label %dropped, label %leave
dropped:
  %d.made.at = getelementptr ptr, ptr %made, i64 %d
  %d.made = load ptr, ptr %d.made.at
  call void Host.Py_DecRef(ptr %d.made)
  %d.next = add i64 %d, 1
  br label %drops
decline:
  %declined = get Host.NotImplemented %host
  br label %leave
leave:
  %result = phi ptr [ %answer, %drops ], [ %declined, %decline ]
  %is.error = icmp eq ptr %result, null
  br i1 %is.error, label %return, label %retained
retained:
  call void Host.Py_IncRef(ptr %result)
  ret ptr %result
return:
  ret ptr null
}}
"""


def _expanded(code: str) -> str:
    """The code in plain LLVM."""
    place = "getelementptr %{0}, ptr {1}, i64 0, i32 {2}"

    def get(match: re.Match[str]) -> str:
        name, word, structure, field, pointer = match.groups()
        fields = STRUCTURES[structure]
        at = place.format(structure, pointer, list(fields).index(field))
        if word == "at":
            return f"{name} = {at}"
        return f"{name}.at = {at}\n  {name} = load {fields[field]}, ptr {name}.at"

    count = 0

    def call(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        start, type_, function = match.groups()
        return f"  %f{count} = get Host.{function} %host\n{start}call {type_} %f{count}("

    code = re.sub(r"^(.*)call (\w+) Host\.(\w+)\(", call, code, flags=re.MULTILINE)
    code = re.sub(r"(%[\w.]+) = (get|at) (\w+)\.(\w+) (%[\w.]+)", get, code)
    types = [f"%{name} = type {{ {', '.join(fields.values())} }}" for name, fields in STRUCTURES.items()]
    return "\n".join([*types, code])


TEXT = _expanded(_CODE)
