"""What stands around the canvas (panels, bars, the welcome page) and the dialogs: they show state and emit intentions,
and decide nothing.
"""
