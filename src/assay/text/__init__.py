"""Texts of items and queries: their words, their vectors, and an index that finds one by the other."""
