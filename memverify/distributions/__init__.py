"""Distributions on labeled points of Q^n: sampling, separation, density, exact accuracy."""
