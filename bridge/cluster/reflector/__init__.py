"""List, watch, compare and repair, so that no revision is missed.

::

    reflector    catch up, follow, find out why a watch ended
    list_watch   requests for one resource in one scope
    repair       where to go on from
    snapshot     a list as items, read page by page …
    watchlist    … or streamed by a watch
    diff         the difference of a list to what was known
    rewind       revisions that no watch brings any more
    watcher      watches, one after the other
    progress     what a quiet watch proves
    retry        backoff and reports
"""
