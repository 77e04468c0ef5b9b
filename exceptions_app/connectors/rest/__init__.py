"""Systems that answer JSON over HTTP."""
