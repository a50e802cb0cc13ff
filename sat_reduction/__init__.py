"""Any CNF to a data set and back (Theorem 6.5): to come."""
