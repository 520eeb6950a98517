"""Showing a derivative: lists, tables, derivations, drawings, comparisons."""
