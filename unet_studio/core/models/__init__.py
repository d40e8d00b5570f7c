"""Models without Keras: their cards, and their mapping from raw pixels to network input. Weights belong to `unet`."""
