"""What turns classes and probabilities into tidy masks: morphology, watershed, dense CRF; on arrays, without files or
projects.
"""
