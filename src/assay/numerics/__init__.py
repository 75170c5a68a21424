"""Arrays in, arrays out: no files, no tables, no engine."""
