"""The process that owns Keras, and the protocol by which the window speaks with it."""
