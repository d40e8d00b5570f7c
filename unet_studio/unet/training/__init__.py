"""Training: patches, loss, optimiser, rounds, checkpoints, and a project's labels become a model. Proposing needs
none of it.
"""
