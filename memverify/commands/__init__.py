"""What each command does: load, call, report. The parser is in `cli`."""
