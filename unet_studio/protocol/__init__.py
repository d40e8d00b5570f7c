"""The protocol between window, commands and worker: jobs, events and results, and their encoding as lines of JSON.

Standard library only, so that it is imported before anything slow; what a job does belongs to `usecases`.
"""
