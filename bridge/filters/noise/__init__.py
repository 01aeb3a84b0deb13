"""Noise control: holds back events that a route wants, but that say nothing new.

::

    event ──▶ minCount ──▶ dedup ──▶ throttle ──▶ the route's sinks
                 │           │          │
                 └───────────┴──────────┴──▶ held back, counted

`control.py` has all stages of one scope, `stages.py` the stages themselves. All are
synchronous and decide by the event and by the earlier events of the same scope. The
state is given out as memos, which a reader stores with its cursor; so a stage that is
built again from the memos of the scope decides as if there had been no restart.
"""
