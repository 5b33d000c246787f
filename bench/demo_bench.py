#!/usr/bin/env python3
"""Measures a fresh server on the example data: ingest rows/s, query latency, and the server's CPU time per row and per query.

    bench/demo_bench.py build/release/apps/sagitta/sagitta

Clients are processes, because one Python process is slower than the server. CPU time is the server's own, from /proc, and so
does not count the clients.
"""
import argparse
import logging
import multiprocessing
import os
import pathlib
import struct
import subprocess
import tempfile
import time

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import RoundRobinPolicy

DATA = pathlib.Path(__file__).resolve().parent.parent / "examples" / "packages"
DIM = 384
IN_FLIGHT = 64
SCHEMA = (
    "CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    f"CREATE TABLE bench.rows (id int PRIMARY KEY, v vector<float, {DIM}>)",
    "CREATE CUSTOM INDEX ON bench.rows (v) USING 'StorageAttachedIndex' WITH OPTIONS = {'similarity_function': 'cosine'}",
)
INSERT = "INSERT INTO bench.rows (id, v) VALUES (?, ?)"
ASK = "SELECT id, similarity_cosine(v, ?) FROM bench.rows ORDER BY v ANN OF ? LIMIT 10"


def vectors(name, number):
    return [list(row) for row in struct.iter_unpack(f"<{DIM}{number}", (DATA / name).read_bytes())]


def connect(port):
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=60)
    cluster = Cluster(["127.0.0.1"], port=port, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, protocol_version=5)
    return cluster, cluster.connect()


def ingest(port, barrier, part, parts):
    """Inserts every parts-th row; returns when it began and ended."""
    rows = list(enumerate(vectors("embeddings.f16", "e")))[part::parts]
    cluster, session = connect(port)
    statement = session.prepare(INSERT)
    barrier.wait()
    begin = time.monotonic()
    execute_concurrent_with_args(session, statement, rows, concurrency=IN_FLIGHT)
    end = time.monotonic()
    cluster.shutdown()
    return begin, end, []


def ask(port, barrier, part, queries):
    """Asks one query after another; returns begin, end and the latency of each in ms."""
    questions = vectors("queries.f32", "f")
    cluster, session = connect(port)
    statement = session.prepare(ASK)
    times = []
    barrier.wait()
    begin = time.monotonic()
    for number in range(queries):
        vector = questions[(number + part) % len(questions)]
        asked = time.perf_counter()
        session.execute(statement, (vector, vector)).all()
        times.append((time.perf_counter() - asked) * 1000)
    end = time.monotonic()
    cluster.shutdown()
    return begin, end, times


def call(work):
    function, arguments = work
    return function(*arguments)


def measure(server, port, function, clients, argument):
    """Runs `clients` processes at once; returns (wall seconds, server CPU seconds, latencies)."""
    with multiprocessing.Manager() as manager, multiprocessing.Pool(clients) as pool:
        barrier = manager.Barrier(clients)
        before = cpu_seconds(server)
        done = pool.map(call, [(function, (port, barrier, part, argument)) for part in range(clients)], chunksize=1)
        cpu = cpu_seconds(server) - before
    wall = max(end for _, end, _ in done) - min(begin for begin, _, _ in done)
    return wall, cpu, sorted(t for _, _, times in done for t in times)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(server, port, clients, queries):
    rows = len(vectors("embeddings.f16", "e"))
    wall, cpu, _ = measure(server, port, ingest, clients, clients)
    print(f"ingest   {clients} clients × {IN_FLIGHT} in flight: {rows / wall:,.0f} rows/s, server CPU {cpu / rows * 1e6:,.0f} µs a row")
    for many in sorted({1, clients}):
        wall, cpu, times = measure(server, port, ask, many, queries)
        count = len(times)
        print(f"queries  {many} at once: {count / wall:,.0f} a second, p50 {times[count // 2]:.2f} ms, p99 {times[count * 99 // 100]:.2f} ms, "
              f"server CPU {cpu / count * 1e6:,.0f} µs a query", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary", help="the sagitta program")
    arguments.add_argument("--clients", type=int, default=2)
    arguments.add_argument("--queries", type=int, default=500, help="of each client")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="sagitta-bench-") as folder, open(f"{folder}/server.log", "wb") as log:
        server = subprocess.Popen([options.binary, "serve", "--data", f"{folder}/data", "--cql", "127.0.0.1:0",
                                   "--http", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            words = server.stdout.readline().split()
            port = int(words[words.index("cql") + 1].rpartition(":")[2])
            cluster, session = connect(port)
            for statement in SCHEMA:
                session.execute(statement)
            cluster.shutdown()
            report(server.pid, port, options.clients, options.queries)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
