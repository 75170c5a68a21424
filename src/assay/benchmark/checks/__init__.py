"""The checks of a benchmark's audit, a family a file. Each takes the evidence as arrays and returns an Outcome."""
