"""Findings of the fuzz runs that were mended; each has a test in tests/memverify/interchange/test_hostile_files.py."""

FIXED: dict[str, tuple[str, ...]] = {}
