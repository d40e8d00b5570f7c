"""The window (PySide6); it never imports Keras or unet_studio.unet."""
