"""List, watch, compare and repair, so that no revision is missed.

::

    repair           where to go on from
    pages, initial   a list, page by page or streamed by a watch
    snapshot         a list as changes
    difference       … to what was known
    rewind           what no watch tells any more
    stream           watches, one after the other
    notes            what a quiet watch proves
    suspicion        when a watch is believed
"""
