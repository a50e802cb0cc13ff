"""Mutated files for every reader: seeds, mutations, and the guard around an execution."""
