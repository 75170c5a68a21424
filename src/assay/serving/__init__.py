"""What a server needs below HTTP: answers to questions, lists that are given out, events that come back."""
