"""Models without Keras: their cards, their mapping from raw pixels to network input, and trainings that were
interrupted. Weights belong to `unet`.
"""
