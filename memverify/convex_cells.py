"""The convex-cell network of Theorem 7.3, held by its points."""
