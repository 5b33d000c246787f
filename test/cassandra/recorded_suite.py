#!/usr/bin/env python3
"""A suite of the conformance tests: the statements of test/cql, and the answers to them that are kept of Cassandra.

A known gap may go on; a difference that is neither deliberate nor known fails. A file that changed since is skipped.
"""
import os
import sys

import recorded
from compare import Comparison, show
from checks import arguments, restart_server


def check(file, port, comparison, known):
    """Prints the line of one file; returns whether it failed."""
    theirs = recorded.load(file)
    ours = recorded.answers(file, port, restart=restart_server, waits=False)
    if theirs is not None and "advance:" in file.read_text():
        theirs = theirs[:len(ours)]
    if theirs is None or [key for key, _ in ours] != [key for key, _ in theirs]:
        print(f"skip {file.stem}: not as it was recorded; ./x test cassandra --record {file.stem}", flush=True)
        return False
    fresh = [other for other in comparison.add(file.name, ours, theirs) if other[:2] not in known]
    for other in fresh:
        show(*other)
    print(f"{'FAIL' if fresh else 'ok'} {file.stem}", flush=True)
    return bool(fresh)


def main():
    port, known, comparison = arguments().port, recorded.gaps(), Comparison()
    failed = [check(file, port, comparison, known) for file in recorded.test_files()]
    mended = known - {other[:2] for other in comparison.others}
    print(comparison.total())
    if mended:
        print(f"{len(mended)} known gaps are closed; ./x test cassandra --gaps takes them off the list")
    sys.stdout.flush()
    os._exit(1 if any(failed) else 0)


main()
