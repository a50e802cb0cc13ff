"""How far every sample may move before a network's answer changes: certified radii, counterexamples."""
