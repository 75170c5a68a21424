"""One SQL step per file: SELECTs over `events` and the one-row table `parameters`."""
