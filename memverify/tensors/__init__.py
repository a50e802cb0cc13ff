"""Networks as graphs of tensor operations: what other tools write, held exactly."""
