"""Whole trainings, from data to figures and pictures: those with which the documents end, and those they point to."""

from wengert.runs.table import RUNS, Run, train

__all__ = ["RUNS", "Run", "train"]
