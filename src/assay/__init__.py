"""Assay: what each logged training sample is worth to a model, proved by retraining on later data."""

__version__ = "0.1.0"
