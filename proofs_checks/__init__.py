"""Machine-checked statements of the paper: to come."""
