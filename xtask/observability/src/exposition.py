"""Parses every exposition in a folder with the reference parsers and prints those that they reject."""

import pathlib
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    parse = openmetrics if file.suffix == ".openmetrics" else parser
    try:
        families = list(parse.text_string_to_metric_families(file.read_text()))
        if not families:
            raise ValueError("no metrics")
    except Exception as error:
        print(f"{file.name}: {type(error).__name__}: {error}")
