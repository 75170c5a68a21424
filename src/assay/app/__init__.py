"""Command line and report: they read artefacts and do no maths."""
