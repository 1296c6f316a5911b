"""Independent runtimes: other people's engines, or graph interpreters that share no code with mien.

Nothing here imports weights_convert. Each module turns a published file into a callable that maps
an input array to named outputs, so that tests/reference can compare mien with it and tests/accuracy
can measure the figures that mien has to reach.
"""
