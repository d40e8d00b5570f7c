"""What is worth a person's look: the plane to label next, the figures that lists are sorted by, a model's errors."""
