"""The bundled slides as a project, and the whole loop on them without a window. Keras is reached through an engine."""
