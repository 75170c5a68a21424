"""An audit of a benchmark, one family of checks per file. Each check takes the evidence as arrays and returns an Outcome."""
