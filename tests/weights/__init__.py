"""Tests of weights_convert. Run all with: /usr/bin/python3 -m unittest discover -s tests/weights -t ."""
