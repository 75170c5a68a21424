"""Sole owners of connections to the engines that run SQL."""
