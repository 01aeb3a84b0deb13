"""A Kubernetes API server in memory, for the demo and for fast tests.

It does what the contract suite (``tests/contract``) proves on a real kube-apiserver,
and nothing else. A request passes these modules in order:

* ``server``     listens on loopback; Python calls for the process that runs it
* ``handler``    HTTP: authentication, faults, one method for each verb
* ``routing``    path, method and query → verb, resource, namespace, name, options
* ``faults``     what a bad day does: canned answers, refusals, cut streams
* ``selectors``  what a list or a watch chooses
* ``listing``    pages, continue tokens, lists at an exact revision
* ``watching``   initial events, changes, bookmarks, errors
* ``objects``    create, replace, patch, delete; ``admission`` what is added or refused
* ``storage``    revisions, history, compaction, expiry
* ``wire``       stored bodies → served bytes: objects, lists, watch lines, tables

Beside them: ``resources`` (which kinds there are), ``discovery`` (how clients learn
that), ``event_forms`` (Events in two APIs), ``status`` (refusals).
"""

from bridge.demo.apiserver.server import ApiServer

__all__ = ["ApiServer"]
