"""An audit of a benchmark, a family of checks a file. Each check takes the evidence as arrays and returns an Outcome."""
