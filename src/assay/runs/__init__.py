"""A run's folder: whole files, a manifest, the graph of stages."""
