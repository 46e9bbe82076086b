"""JSON over HTTP: the endpoint and its neighbours."""
