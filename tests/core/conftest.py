"""The properties of core are checked on fewer examples than usual, and take the time they need on a busy machine."""

from hypothesis import settings

settings.register_profile("core", settings(max_examples=50, deadline=None))
settings.load_profile("core")
