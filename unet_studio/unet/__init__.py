"""The U-Net: architecture, loss, data, training and tiled prediction, on Keras 3; no Qt."""
