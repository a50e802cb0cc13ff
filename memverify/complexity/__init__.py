"""The paper's size bounds as functions with explicit constants, rounded outwards."""
