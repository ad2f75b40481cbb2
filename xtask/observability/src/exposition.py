"""Parses every page of a folder with the reference parsers, and prints those that they refuse."""

import pathlib
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

for page in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    parse = openmetrics if page.suffix == ".openmetrics" else parser
    try:
        families = list(parse.text_string_to_metric_families(page.read_text()))
        if not families:
            raise ValueError("no metrics")
    except Exception as error:
        print(f"{page.name}: {type(error).__name__}: {error}")
