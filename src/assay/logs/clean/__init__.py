"""One SQL step a file: SELECTs over `events` and the one-row table `parameters`."""
