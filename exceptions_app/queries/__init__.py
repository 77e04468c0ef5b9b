"""The reads: frozen dataclasses, ready to show, reduced to what the viewer may see. They write nothing."""
