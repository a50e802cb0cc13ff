"""The report: one HTML page and Markdown, from the results of a run."""
