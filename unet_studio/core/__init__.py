"""What slides, labels, proposals, masks and projects are: NumPy, OpenCV, scikit-image and tifffile; no Qt, no Keras,
no signals.
"""
