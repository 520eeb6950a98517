"""Training beside other libraries: the time of a step and of the first one, on the networks that people begin with."""
