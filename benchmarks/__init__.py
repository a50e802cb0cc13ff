"""Ratios against what a user would pick instead; both sides measured in one run."""
