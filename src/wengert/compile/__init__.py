"""The compiler: from a recorded program to native code, and `wg.jit`, which decides when to record and what to run."""
