"""What the pool of threads runs, in LLVM's language over POSIX threads: a caller, its helpers, and the parts of a job.

A caller puts up the parts of a job and takes parts itself until none is left; helpers that wake up in time take parts
too. Nobody waits for a helper that has not come. There is one job at a time: who finds the pool busy does all parts
alone, so that however many threads of Python call compiled functions, there are never more helpers than the largest
number asked for.
"""

from __future__ import annotations

from wengert.compile.threads import LIMIT

#: Nanoseconds for which a caller that has nothing left to do looks for the end of the last parts, before it sleeps:
#: where other programs run, who sleeps is soon awake again but not at once back on a processor.
PATIENCE = 200_000
#: Where all processors are busy with other programs, calling helpers costs more than they bring: they come too late,
#: and the caller may lose its own processor to them. A call is in vain if nobody came, if the caller had to sleep for
#: the last part, or did less than half of its share. After 1, 2, 3, … such calls nobody is called for 1, 3, 7, … jobs.
DISCOURAGED = 6  # so many calls at most are counted, so that one job in 64 tries again
LARGER = 8  # a job with so many times the work of the last one that was tried is tried, whatever was in vain before

#: What it calls. LLVM ends the process where a function is missing, so they are looked for first.
CALLED = (
    "pthread_create", "pthread_join", "pthread_sigmask", "sigfillset", "pthread_mutex_init", "pthread_mutex_lock",
    "pthread_mutex_unlock", "pthread_cond_init", "pthread_cond_wait", "pthread_cond_signal", "pthread_cond_broadcast",
    "clock_gettime",
)  # fmt: skip

#: Mutexes, conditions and sets of signals have at most 128 bytes on every system with 64 bits; what is written without
#: the lock has a cache line of its own. Each thread begins with a range of its own, the same one in each job of so many
#: parts, since what it wrote in the last job is still in its cache: lines from another processor's cost more than sums.
#: `SETMASK` and `CLOCK` stand for numbers of the system, `signal.SIG_SETMASK` and `time.CLOCK_MONOTONIC`.
TEXT = f"""
@mutex = internal global [128 x i8] zeroinitializer, align 64
@work = internal global [128 x i8] zeroinitializer, align 64
@done = internal global [128 x i8] zeroinitializer, align 64
@next = internal global [{LIMIT} x [8 x i64]] zeroinitializer, align 64
@busy = internal global i64 0, align 64
@job = internal global i64 0, align 64
@open = internal global i64 0
@helpers = internal global i64 0
@places = internal global i64 0
@function = internal global ptr null
@argument = internal global ptr null
@joined = internal global i64 0
@vain = internal global i64 0
@skip = internal global i64 0
@vain.work = internal global i64 0
@count = internal global i64 0
@stopped = internal global i64 0
@workers = internal global i64 0
@ids = internal global [{LIMIT} x i64] zeroinitializer

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_join(i64, ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @clock_gettime(i32, ptr)
declare i64 @llvm.umin.i64(i64, i64)

; At the beginning, and in the child of a fork, in which there are no helpers and nobody holds a lock.
define void @reset() {{
  call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  call i32 @pthread_cond_init(ptr @work, ptr null)
  call i32 @pthread_cond_init(ptr @done, ptr null)
  store i64 0, ptr @open
  store i64 0, ptr @helpers
  store i64 0, ptr @workers
  store i64 0, ptr @stopped
  store i64 0, ptr @vain
  store i64 0, ptr @skip
  store i64 0, ptr @busy
  ret void
}}

; Nanoseconds since some time.
define internal i64 @now() {{
  %time = alloca {{i64, i64}}
  call i32 @clock_gettime(i32 CLOCK, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr i64, ptr %time, i64 1
  %rest = load i64, ptr %rest.at
  %most = mul i64 %seconds, 1000000000
  %all = add i64 %most, %rest
  ret i64 %all
}}

; Take parts until none is left, first those of one's own range, then what is left of the others'; how many it were.
define internal i64 @take(ptr %function, ptr %argument, i64 %count, i64 %threads, i64 %slot) {{
begin:
  br label %range
range:
  %r = phi i64 [ 0, %begin ], [ %r.next, %empty ]
  %own = phi i64 [ 0, %begin ], [ %own.here, %empty ]
  %sum = add i64 %slot, %r
  %s = urem i64 %sum, %threads
  %next = getelementptr [8 x i64], ptr @next, i64 %s
  %s.next = add i64 %s, 1
  %before.end = mul i64 %s.next, %count
  %end = udiv i64 %before.end, %threads
  br label %again
again:
  %own.here = phi i64 [ %own, %range ], [ %own.next, %one ]
  %part = atomicrmw add ptr %next, i64 1 acq_rel
  %some = icmp slt i64 %part, %end
  br i1 %some, label %one, label %empty
one:
  call void %function(ptr %argument, i64 %part)
  %own.next = add i64 %own.here, 1
  br label %again
empty:
  %r.next = add i64 %r, 1
  %more = icmp slt i64 %r.next, %threads
  br i1 %more, label %range, label %done
done:
  ret i64 %own.here
}}

; A helper: it joins each job once, if there is a place for it and the job is still open.
define internal ptr @worker(ptr %place) {{
begin:
  %slot = ptrtoint ptr %place to i64
  call i32 @pthread_mutex_lock(ptr @mutex)
  br label %look
look:
  %seen = phi i64 [ 0, %begin ], [ %seen, %wait ], [ %job, %left ]
  %stopped = load i64, ptr @stopped
  %go.on = icmp eq i64 %stopped, 0
  br i1 %go.on, label %is.open, label %leave
is.open:
  %open = load i64, ptr @open
  %job = load i64, ptr @job
  %helpers = load i64, ptr @helpers
  %places = load i64, ptr @places
  %a = icmp ne i64 %open, 0
  %b = icmp ne i64 %job, %seen
  %c = icmp slt i64 %helpers, %places
  %ab = and i1 %a, %b
  %abc = and i1 %ab, %c
  br i1 %abc, label %join, label %wait
wait:
  call i32 @pthread_cond_wait(ptr @work, ptr @mutex)
  br label %look
join:
  %more = add i64 %helpers, 1
  store i64 %more, ptr @helpers
  store i64 1, ptr @joined
  %function = load ptr, ptr @function
  %argument = load ptr, ptr @argument
  %count = load i64, ptr @count
  %threads = add i64 %places, 1
  call i32 @pthread_mutex_unlock(ptr @mutex)
  call i64 @take(ptr %function, ptr %argument, i64 %count, i64 %threads, i64 %slot)
  call i32 @pthread_mutex_lock(ptr @mutex)
  %before = load i64, ptr @helpers
  %fewer = sub i64 %before, 1
  store atomic i64 %fewer, ptr @helpers release, align 8
  %last = icmp eq i64 %fewer, 0
  br i1 %last, label %tell, label %left
tell:
  call i32 @pthread_cond_signal(ptr @done)
  br label %left
left:
  br label %look
leave:
  call i32 @pthread_mutex_unlock(ptr @mutex)
  ret ptr null
}}

; Have so many helpers, or as many as the system allows. They leave signals to Python's threads. The lock is held.
define internal void @hire(i64 %wanted) {{
begin:
  %all = alloca [128 x i8], align 64
  %old = alloca [128 x i8], align 64
  %there = load i64, ptr @workers
  %few = icmp slt i64 %there, %wanted
  br i1 %few, label %quiet, label %end
quiet:
  call i32 @sigfillset(ptr %all)
  call i32 @pthread_sigmask(i32 SETMASK, ptr %all, ptr %old)
  br label %one
one:
  %n = phi i64 [ %there, %quiet ], [ %n.next, %made ]
  %more = icmp slt i64 %n, %wanted
  br i1 %more, label %make, label %enough
make:
  %id = getelementptr i64, ptr @ids, i64 %n
  %n.next = add i64 %n, 1
  %place = inttoptr i64 %n.next to ptr
  %failed = call i32 @pthread_create(ptr %id, ptr null, ptr @worker, ptr %place)
  %is.made = icmp eq i32 %failed, 0
  br i1 %is.made, label %made, label %enough
made:
  br label %one
enough:
  store i64 %n, ptr @workers
  call i32 @pthread_sigmask(i32 SETMASK, ptr %old, ptr null)
  br label %end
end:
  ret void
}}

; Call function(argument, part) for all parts below count, in at most so many threads. Work: of all parts, in any unit.
define void @run(ptr %function, ptr %argument, i64 %count, i64 %threads, i64 %work) {{
begin:
  %places = sub i64 %threads, 1
  %alone = icmp slt i64 %places, 1
  br i1 %alone, label %in.turn, label %enter
enter:
  %pair = cmpxchg ptr @busy, i64 0, i64 1 acq_rel acquire
  %free = extractvalue {{i64, i1}} %pair, 1
  br i1 %free, label %try, label %in.turn
try:
  %skip = load i64, ptr @skip
  %none.to.skip = icmp eq i64 %skip, 0
  %vain.work = load i64, ptr @vain.work
  %is.larger = icmp sgt i64 %work, %vain.work
  %is.hopeful = or i1 %none.to.skip, %is.larger
  br i1 %is.hopeful, label %together, label %not.now
not.now:
  %skip.next = sub i64 %skip, 1
  store i64 %skip.next, ptr @skip
  store atomic i64 0, ptr @busy release, align 8
  br label %in.turn
in.turn:
  %p = phi i64 [ 0, %begin ], [ 0, %enter ], [ 0, %not.now ], [ %p.next, %step ]
  %some = icmp slt i64 %p, %count
  br i1 %some, label %step, label %end
step:
  call void %function(ptr %argument, i64 %p)
  %p.next = add i64 %p, 1
  br label %in.turn
together:
  call i32 @pthread_mutex_lock(ptr @mutex)
  %stopped = load i64, ptr @stopped
  %is.over = icmp ne i64 %stopped, 0
  br i1 %is.over, label %offer, label %staff
staff:
  call void @hire(i64 %places)
  br label %offer
offer:
  br label %range
range:
  %s = phi i64 [ 0, %offer ], [ %s.next, %range ]
  %begin.here = mul i64 %s, %count
  %range.begin = udiv i64 %begin.here, %threads
  %next = getelementptr [8 x i64], ptr @next, i64 %s
  store atomic i64 %range.begin, ptr %next release, align 8
  %s.next = add i64 %s, 1
  %more.ranges = icmp slt i64 %s.next, %threads
  br i1 %more.ranges, label %range, label %post
post:
  store ptr %function, ptr @function
  store ptr %argument, ptr @argument
  store i64 %count, ptr @count
  store i64 %places, ptr @places
  %job = load i64, ptr @job
  %job.next = add i64 %job, 1
  store i64 %job.next, ptr @job
  store i64 0, ptr @joined
  store i64 1, ptr @open
  call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %call
call:
  %k = phi i64 [ 0, %post ], [ %k.next, %call ]
  call i32 @pthread_cond_signal(ptr @work)
  %k.next = add i64 %k, 1
  %others = icmp slt i64 %k.next, %places
  br i1 %others, label %call, label %own
own:
  %own.parts = call i64 @take(ptr %function, ptr %argument, i64 %count, i64 %threads, i64 0)
  call i32 @pthread_mutex_lock(ptr @mutex)
  store i64 0, ptr @open
  %joined = load i64, ptr @joined
  call i32 @pthread_mutex_unlock(ptr @mutex)
  %begun = call i64 @now()
  br label %look
look:
  %few = load atomic i64, ptr @helpers acquire, align 8
  %none = icmp eq i64 %few, 0
  br i1 %none, label %leave, label %spin
spin:
  %now = call i64 @now()
  %spent = sub i64 %now, %begun
  %patient = icmp slt i64 %spent, {PATIENCE}
  br i1 %patient, label %look, label %sleep
sleep:
  call i32 @pthread_mutex_lock(ptr @mutex)
  br label %helped
helped:
  %helpers = load i64, ptr @helpers
  %still = icmp sgt i64 %helpers, 0
  br i1 %still, label %wait, label %over
wait:
  call i32 @pthread_cond_wait(ptr @done, ptr @mutex)
  br label %helped
over:
  call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %leave
leave:
  %has.slept = phi i1 [ false, %look ], [ true, %over ]
  %share = mul i64 %own.parts, %threads
  %share.twice = mul i64 %share, 2
  %is.small = icmp slt i64 %share.twice, %count
  %is.alone = icmp eq i64 %joined, 0
  %is.bad = or i1 %has.slept, %is.small
  %is.vain = or i1 %is.bad, %is.alone
  %vain = load i64, ptr @vain
  %vain.more = add i64 %vain, 1
  %vain.most = call i64 @llvm.umin.i64(i64 %vain.more, i64 {DISCOURAGED})
  %vain.next = select i1 %is.vain, i64 %vain.most, i64 0
  %power = shl i64 1, %vain.next
  %skipped = sub i64 %power, 1
  store i64 %vain.next, ptr @vain
  store i64 %skipped, ptr @skip
  %large = mul i64 %work, {LARGER}
  store i64 %large, ptr @vain.work
  store atomic i64 0, ptr @busy release, align 8
  br label %end
end:
  ret void
}}

; Send the helpers home, and wait until they are gone.
define void @stop() {{
begin:
  call i32 @pthread_mutex_lock(ptr @mutex)
  store i64 1, ptr @stopped
  %workers = load i64, ptr @workers
  store i64 0, ptr @workers
  call i32 @pthread_cond_broadcast(ptr @work)
  call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %one
one:
  %n = phi i64 [ 0, %begin ], [ %n.next, %join ]
  %some = icmp slt i64 %n, %workers
  br i1 %some, label %join, label %end
join:
  %at = getelementptr i64, ptr @ids, i64 %n
  %id = load i64, ptr %at
  call i32 @pthread_join(i64 %id, ptr null)
  %n.next = add i64 %n, 1
  br label %one
end:
  ret void
}}

; How many helpers there are.
define i64 @size() {{
  %workers = load i64, ptr @workers
  ret i64 %workers
}}
"""
