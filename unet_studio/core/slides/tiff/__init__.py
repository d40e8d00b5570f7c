"""Reading TIFF of every kind: planes, channels, pyramid levels and pixel size from pages, tiles and strips. Only
`slides.opening` imports it, when a TIFF is opened.
"""
