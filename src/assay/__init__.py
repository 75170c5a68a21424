"""Assay: what each logged training sample is worth, and how small a test set can be trusted."""

__version__ = "0.1.0"
