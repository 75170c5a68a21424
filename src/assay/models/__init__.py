"""One model a file, two protocols."""
