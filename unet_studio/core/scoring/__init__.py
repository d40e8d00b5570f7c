"""Scores of masks against the truth, the gate that new models pass, and which plane to label next. No network."""
