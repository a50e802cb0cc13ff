"""Long runs: certification in batches, over processes or a cluster, with a journal to go on from."""
