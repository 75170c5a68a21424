"""Questions to a finished run and their answers, without HTTP: what the server's API and pages show."""
