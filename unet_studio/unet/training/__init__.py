"""Training: patches, loss, optimiser, rounds, checkpoints, and the retraining of a project's model on its labels.
Proposing imports none of it.
"""
