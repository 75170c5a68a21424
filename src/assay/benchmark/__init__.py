"""Test sets that can be trusted: what to measure, how many requests it takes, and how few will do."""
