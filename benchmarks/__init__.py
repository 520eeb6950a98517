"""The benchmarks: Wengert beside its peers, in one run, on the same source and the same inputs."""
