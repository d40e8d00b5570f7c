"""How well masks agree with the truth, and which plane is worth labelling next."""
