"""The tables of the paper and what goes beside them: data first, a picture after."""
