"""What window, commands and worker say to each other: jobs, events and results, and how they cross a pipe.

Standard library only, so that the smallest part of a process can speak it; what a job does belongs to `usecases`.
"""
