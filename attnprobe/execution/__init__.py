"""Carrying out work that is made of pieces: one after the other, in several processes, on several machines.

``work`` says what a unit of work is, ``scheduling`` sees that every piece is done or accounted for, and executors run
pieces: ``in_process``, ``process_pool``, ``ray_actors``.
"""
