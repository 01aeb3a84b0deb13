"""Make an attempt over HTTP: build and secure the request, judge the answer."""
