"""Slides, labels, proposals, masks and projects: NumPy, OpenCV and scikit-image; no Qt and no Keras."""
