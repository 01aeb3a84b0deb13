"""A Kubernetes API server in memory, for the demo and for fast tests.

It does what the contract suite (``tests/contract``) proves on a real kube-apiserver,
and nothing else. A request passes these modules in order:

* ``server``      HTTP on loopback: authentication, routing, one method for each verb
* ``faults``      what a bad day does to a request: canned answers, silence, cut streams
* ``options``     the query of a list or watch, checked
* ``listing``     pages, continue tokens, lists at an exact revision
* ``watching``    one watch: initial events, changes, bookmarks, errors
* ``objects``     create, replace, patch and delete by the API's rules
* ``storage``     revisions, history, compaction, expiry
* ``resources``   which kinds exist; ``discovery`` tells clients
"""

from bridge.demo.apiserver.server import ApiServer

__all__ = ["ApiServer"]
