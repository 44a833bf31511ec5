"""What firmware sees of an architecture: its exceptions, its address translation, how it waits. One file per family."""
