"""Analyses of traces: each is fed frames and gives a result."""
