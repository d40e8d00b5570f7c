"""Models as the whole program sees them, without Keras: their cards and their mapping from raw pixels to network
input.
"""
