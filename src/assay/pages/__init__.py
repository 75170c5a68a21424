"""The pages of a run: what each JSON artefact holds, with its unit, sign and range. Importing them loads nothing heavy.

Stages write them, and the terminal, the report and whoever else reads a run share the classes. Each is declared by the stage
that makes it. A new stage may keep its page in its own file.
"""
