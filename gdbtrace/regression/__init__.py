"""Regression tests on traces: comparing files, checking a run, golden traces and suites of them."""
