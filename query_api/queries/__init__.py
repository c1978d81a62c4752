"""What is asked of the read tables: one module per table, named as in `projector/tables`.

Each function takes `read`, which runs one statement, and gives the reading it came from beside its answer.
"""
