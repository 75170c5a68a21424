"""What each stage of a run does: a workbench in, artefacts out. Their order is the pipeline's."""
