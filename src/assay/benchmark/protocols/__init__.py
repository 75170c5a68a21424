"""Ways to cut a log into training and test, and what each lets out."""
