#!/usr/bin/env python3
"""Times the restart of a server with many indexed rows: from the start of the process until it is ready and has answered.

    bench/restart_bench.py build/release/apps/sagitta/sagitta --rows 1000000

Rows go in before the index is created, then the index is built, saved at shutdown and loaded at the next start. A second
restart goes without the snapshots, so that the index is built from the rows again: what the snapshot saves.
"""
import argparse
import multiprocessing
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from cassandra.query import BatchStatement, BatchType

from demo_bench import connect

CLUSTERS, NOISES = 2000, 10_000
BATCH_BYTES = 20_000
READY_SECONDS_MAX = 3600
ASK = "SELECT id FROM bench.rows ORDER BY v ANN OF ? LIMIT 10"


class Vectors:
    """Gaussian clusters; the same row number gives the same vector in every process."""

    def __init__(self, dim):
        chance = random.Random(7)
        self.centres = [[chance.gauss(0, 1) for _ in range(dim)] for _ in range(CLUSTERS)]
        self.noises = [[chance.gauss(0, 0.5) for _ in range(dim)] for _ in range(NOISES)]

    def __getitem__(self, number):
        chance = random.Random(number)
        return [c + n for c, n in zip(chance.choice(self.centres), chance.choice(self.noises))]


class Server:
    """One data directory, one life after another."""

    def __init__(self, binary, folder):
        self.binary, self.data, self.log = binary, folder / "data", folder / "server.log"

    def start(self):
        """Returns the seconds until it was ready."""
        begin = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve", "--data", self.data, "--cql", "127.0.0.1:0",
                                             "--http", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=log, text=True)
        words = self.process.stdout.readline().split()
        self.port = int(words[words.index("cql") + 1].rpartition(":")[2])
        self.http = words[words.index("http") + 1]
        self.wait_ready()
        return time.monotonic() - begin

    def wait_ready(self):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://{self.http}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.01)
        raise RuntimeError("the server did not become ready")

    def stop(self):
        """Returns the seconds that took."""
        begin = time.monotonic()
        self.process.terminate()
        self.process.wait()
        return time.monotonic() - begin

    def resident_bytes(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ingest(port, dim, numbers):
    cluster, session = connect(port)
    vectors = Vectors(dim)
    insert = session.prepare("INSERT INTO bench.rows (id, v) VALUES (?, ?)")

    batch_rows, in_flight = max(1, BATCH_BYTES // (4 * dim)), 16
    for begin in range(0, len(numbers), batch_rows * in_flight):
        futures = []
        for first in range(begin, min(begin + batch_rows * in_flight, len(numbers)), batch_rows):
            batch = BatchStatement(BatchType.UNLOGGED)
            for number in numbers[first:first + batch_rows]:
                batch.add(insert, (number, vectors[number]))
            futures.append(session.execute_async(batch))
        for future in futures:
            future.result()
    cluster.shutdown()


def fill(server, rows, dim):
    cluster, session = connect(server.port)
    session.execute("CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    session.execute(f"CREATE TABLE bench.rows (id int PRIMARY KEY, v vector<float, {dim}>)")
    begin = time.monotonic()
    parts = [multiprocessing.Process(target=ingest, args=(server.port, dim, range(part, rows, 2))) for part in range(2)]
    for part in parts:
        part.start()
    for part in parts:
        part.join()
        if part.exitcode != 0:
            raise RuntimeError("a client failed")
    print(f"{rows:,} rows written in {time.monotonic() - begin:.1f} s", flush=True)
    begin = time.monotonic()
    session.execute("CREATE CUSTOM INDEX ON bench.rows (v) USING 'StorageAttachedIndex' "
                    "WITH OPTIONS = {'similarity_function': 'euclidean'}")
    server.wait_ready()
    print(f"index built in {time.monotonic() - begin:.1f} s", flush=True)
    cluster.shutdown()


def first_answer(server, dim):
    """Seconds of a new client's first search, connecting not counted; all its rows are there."""
    cluster, session = connect(server.port)
    ask, vector = session.prepare(ASK), Vectors(dim)[0]
    begin = time.monotonic()
    if len(session.execute(ask, (vector,)).all()) != 10:
        raise RuntimeError("an answer without ten rows")
    seconds = time.monotonic() - begin
    cluster.shutdown()
    return seconds


def restart(server, dim, how):
    print(f"stopped in {server.stop():.1f} s", flush=True)
    if how == "without snapshot":
        shutil.rmtree(server.data / "index")
    ready = server.start()
    print(f"restart {how}: ready in {ready:.2f} s, first search {first_answer(server, dim) * 1000:.0f} ms, "
          f"{server.resident_bytes() / 1e6:,.0f} MB resident", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary", help="the sagitta program")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--dim", type=int, default=128)
    options = arguments.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sagitta-restart-", dir="/var/tmp"))
    server = Server(options.binary, folder)
    try:
        server.start()
        fill(server, options.rows, options.dim)
        restart(server, options.dim, "with snapshot")
        restart(server, options.dim, "without snapshot")
    finally:
        server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
