"""
The demonstration: a supervised ring of MLX runners that loses a member and finishes its text.

Importing this package, and everything that the supervisor's process needs of it, works without
MLX: only the runners' own processes import it.
"""
