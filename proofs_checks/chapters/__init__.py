"""The checks, by section and appendix of the paper; one function each."""
