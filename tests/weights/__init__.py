"""Tests of weights_convert: /usr/bin/python3 -m unittest discover -s tests/weights -t ."""
