#!/usr/bin/env python3
"""Sagitta beside a real Cassandra: run.py SAGITTA_BINARY [FILES] [--record | --check | --gaps | --random N --seed S].

The last line counts; the status is 0 only if nothing differs but on purpose. Without a Cassandra all is skipped.
"""
import argparse
import concurrent.futures
import random
import sys

import random_run
import recorded
from compare import Comparison, show
from node import FOLDER, Missing, Node
from server import Server


def both(file, server, node):
    """Of one file: Sagitta's answers and Cassandra's. They run at once: some files wait for time to pass."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ours = pool.submit(recorded.answers, file, server.port, restart=server.restart)
        theirs = pool.submit(recorded.answers, file, node.port)
        return ours.result(), theirs.result()


def compare(files, server, node, whole):
    comparison = Comparison()
    for file in files:
        for other in comparison.add(file.name, *both(file, server, node)):
            show(*other)
    unseen = comparison.deliberate.unseen() if whole else []
    if unseen:
        print(f"deliberate differences that were not seen: {', '.join(unseen)}")
    print(comparison.total())
    return bool(comparison.others or unseen)


def record(files, node):
    release = recorded.version(node.port)
    for file in files:
        recorded.save(file, recorded.answers(file, node.port), release)
    print(f"{len(files)} files recorded from Cassandra {release}")
    return False


def check(files, node):
    """Whether Cassandra still answers as recorded."""
    changed = 0
    for file in files:
        kept, now = recorded.load(file) or [], recorded.answers(file, node.port)
        pairs = [pair for pair in zip(kept, now) if pair[0] != pair[1]]
        for (_, before), (key, after) in pairs:
            print(f"-- {file.name}: {key}\n   recorded {before}\n   now      {after}")
        changed += len(pairs) + abs(len(kept) - len(now))
    print(f"{len(files)} files recorded again: {changed} answers are not as they were")
    return changed > 0


def gaps(files, server):
    """Writes the list of known gaps anew, from what is recorded."""
    comparison = Comparison()
    for file in files:
        ours, theirs = recorded.answers(file, server.port, restart=server.restart, waits=False), recorded.load(file)
        comparison.add(file.name, ours, theirs[:len(ours)])
    recorded.save_gaps(comparison.others)
    print(f"{len(comparison.others)} known gaps")
    return False


def arguments():
    parser = argparse.ArgumentParser(prog="./x test cassandra", description=__doc__.splitlines()[2])
    parser.add_argument("binary")
    parser.add_argument("files", nargs="*", help="of test/cql; all by default")
    parser.add_argument("--port", type=int, help="of a Cassandra that runs already; else one is started")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--record", action="store_true", help="write Cassandra's answers to recorded/")
    mode.add_argument("--check", action="store_true", help="compare Cassandra's answers with those recorded")
    mode.add_argument("--gaps", action="store_true", help="write known_gaps.txt anew, without a Cassandra")
    mode.add_argument("--random", type=int, metavar="N", help="N random schemas, statements on each")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31), help="of --random; printed: replays it")
    parser.add_argument("--indexes", action="store_true", help="--random makes secondary indexes too")
    parser.add_argument("--lwt", action="store_true", help="--random makes conditional statements too")
    return parser.parse_intermixed_args()


def act(options, files, server):
    if options.gaps:
        return gaps(files, server)
    with Node(options.port) as node:
        if options.record:
            return record(files, node)
        if options.check:
            return check(files, node)
        if options.random:
            return random_run.run(options, server, node)
        return compare(files, server, node, whole=not options.files)


def main():
    options = arguments()
    files = recorded.test_files(options.files)
    absent = [str(file) for file in files if not file.exists()]
    if absent:
        sys.exit(f"no such file: {', '.join(absent)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    server = Server(options.binary, FOLDER / "sagitta.log")
    server.start()
    try:
        failed = act(options, files, server)
    except Missing as missing:
        print(f"SKIPPED, NOTHING COMPARED: {missing}")
        failed = False
    finally:
        server.stop()
    sys.exit(1 if failed else 0)


main()
