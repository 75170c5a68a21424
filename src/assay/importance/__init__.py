"""What a training sample is worth: one family of valuers a file."""
