"""The list of slides: how far each one got."""
