"""The simulated annotator and the measurement of how good proposals get for a person's minutes."""
