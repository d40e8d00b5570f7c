"""U-Net Studio turns folders of slides into masks that a researcher can trust."""

__version__ = "0.1.0"
