"""The controller of what is open and the ways in which people change it; no widget lives here."""
