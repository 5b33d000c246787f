#!/usr/bin/env python3
"""A server under load beside a real Cassandra 5: bench/cassandra_bench.py SAGITTA [ARGS of `sagitta bench peer`]

Both keep their data on the same disk, and acknowledge a write once it is synced. Without a Cassandra all is skipped.
"""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "test" / "cassandra"))

from node import FOLDER, Missing, Node  # noqa: E402: found by the line above

SETTINGS = {
    "CASSANDRA_HEAP": "2G",
    # Synced before it is acknowledged, as a write to Sagitta always is; one sync for all that wait.
    "CASSANDRA_COMMITLOG_SYNC": "batch",
    # As released: so many writes may wait for one sync.
    "CASSANDRA_OPTS": "-Dcassandra.config.allow_system_properties=true -Dcassandra.settings.concurrent_writes=32",
}


def main():
    binary, *arguments = sys.argv[1:]
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with Node(settings=SETTINGS) as node, tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            command = [binary, "bench", "peer", "--name", "Cassandra", "--cql", f"127.0.0.1:{node.port}",
                       "--process", str(node.process()), "--work", folder, *arguments]
            sys.exit(subprocess.run(command).returncode)
    except Missing as missing:
        print(f"SKIPPED, NOTHING MEASURED: {missing}")


main()
