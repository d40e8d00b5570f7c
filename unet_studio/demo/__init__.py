"""The bundled slides as a project, and the whole loop on them without a window."""
