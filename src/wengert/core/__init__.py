"""The bottom layer: primitives and their rules, tracers, levels, NumPy's protocols, errors."""
