"""From step records to a trace: ``run`` is the whole of it, ``recorder`` its loop, ``assemble`` makes a frame of a
record, ``engines`` are the two ways of commanding the tracer."""
