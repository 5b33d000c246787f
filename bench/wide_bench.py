#!/usr/bin/env python3
"""Single-row reads of one connection while others read many rows: latency beside wide reads, as a ratio to that without.

    bench/wide_bench.py build/release/apps/sagitta/sagitta [--rows 100000] [--seconds 3] [--rounds 5]

Rounds go in turns: without wide reads, then beside each kind of them. The figures are medians of the rounds' ratios. The client that is measured
speaks the protocol itself, one request at a time, so that little of what it measures is its own.
"""
import argparse
import multiprocessing
import pathlib
import random
import re
import socket
import statistics
import struct
import tempfile
import time
import urllib.request

from cassandra.concurrent import execute_concurrent_with_args

from demo_bench import connect
from restart_bench import Server

DIM, PARTITIONS = 128, 10
WIDE_CLIENTS = 4
VECTOR = [0.5] * DIM
WIDE = {
    "count": "SELECT count(*) FROM bench.rows",
    "filter": "SELECT p FROM bench.rows WHERE a = -1 ALLOW FILTERING",
    "partition": "SELECT count(*) FROM bench.rows WHERE p = 3",
    "page": "SELECT p, c, a FROM bench.rows WHERE p = 3",
    "group": "SELECT p, max(a) FROM bench.rows GROUP BY p",
    "ann in partition": f"SELECT c FROM bench.rows WHERE p = 3 ORDER BY v ANN OF {VECTOR} LIMIT 10",
    "ann, filtered": f"SELECT c FROM bench.rows WHERE a = 7 ORDER BY v ANN OF {VECTOR} LIMIT 10 ALLOW FILTERING",
    "ann, LIMIT 1000": f"SELECT c FROM bench.rows ORDER BY v ANN OF {VECTOR} LIMIT 1000",
}
BOUND_P50, BOUND_P99 = 1.3, 3.0


class Raw:
    """A connection of the protocol, version 4, with one prepared statement of two int markers."""

    def __init__(self, port, text):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ask(1, b"\x00\x01" + self.string("CQL_VERSION") + self.string("3.0.0"))
        prepared = self.ask(9, struct.pack(">i", len(text)) + text.encode())
        length, = struct.unpack(">H", prepared[4:6])
        self.head = struct.pack(">H", length) + prepared[6:6 + length] + b"\x00\x01\x03\x00\x02"

    @staticmethod
    def string(text):
        return struct.pack(">H", len(text)) + text.encode()

    def ask(self, opcode, body):
        self.socket.sendall(struct.pack(">BBhBi", 4, 0, 1, opcode, len(body)) + body)
        head = self.take(9)
        body = self.take(struct.unpack(">i", head[5:])[0])
        if head[4] == 0:
            raise RuntimeError(body[6:].decode())
        return body

    def take(self, count):
        parts = []
        while count > 0:
            parts.append(self.socket.recv(count))
            if not parts[-1]:
                raise RuntimeError("the server closed the connection")
            count -= len(parts[-1])
        return b"".join(parts)

    def read(self, p, c):
        return self.ask(10, self.head + struct.pack(">iiii", 4, p, 4, c))


def fill(port, rows):
    cluster, session = connect(port)
    session.execute("CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    session.execute(f"CREATE TABLE bench.rows (p int, c int, a int, v vector<float, {DIM}>, PRIMARY KEY (p, c))")
    session.execute("CREATE CUSTOM INDEX ON bench.rows (v) USING 'StorageAttachedIndex'")
    insert = session.prepare("INSERT INTO bench.rows (p, c, a, v) VALUES (?, ?, ?, ?)")
    chance = random.Random(1)
    noise = [chance.gauss(0, 1) for _ in range(4096)]

    def values():
        for i in range(rows):
            at = chance.randrange(len(noise) - DIM)
            yield i % PARTITIONS, i // PARTITIONS, i % 100, noise[at:at + DIM]

    execute_concurrent_with_args(session, insert, values(), concurrency=64, raise_on_first_error=True)
    cluster.shutdown()


def read_wide(port, text, stop, done):
    """Asks the same wide read again and again. Counts the answers."""
    cluster, session = connect(port)
    session.default_fetch_size = 5000
    while not stop.is_set():
        session.execute(text, timeout=120).one()
        with done.get_lock():
            done.value += 1
    cluster.shutdown()


class WideReaders:
    def __init__(self, port, text):
        self.stop, self.done = multiprocessing.Event(), multiprocessing.Value("i", 0)
        self.processes = [multiprocessing.Process(target=read_wide, args=(port, text, self.stop, self.done))
                          for _ in range(WIDE_CLIENTS)]

    def __enter__(self):
        for process in self.processes:
            process.start()
        begin = time.monotonic()
        while self.done.value == 0 and time.monotonic() < begin + 120:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.stop.set()
        for process in self.processes:
            process.join()


def latencies(client, rows, seconds, chance):
    taken, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        i = chance.randrange(rows)
        begin = time.perf_counter()
        client.read(i % PARTITIONS, i // PARTITIONS)
        taken.append(time.perf_counter() - begin)
    taken.sort()
    return taken[len(taken) // 2] * 1e6, taken[len(taken) * 99 // 100] * 1e6


def metric(server, name):
    with urllib.request.urlopen(f"http://{server.http}/metrics") as page:
        found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page.read().decode(), re.MULTILINE)
    return float(found[1])


def measure(server, options):
    """By kind: p50 and p99 of each round, and the rounds without wide reads beside them."""
    client, chance = Raw(server.port, "SELECT a FROM bench.rows WHERE p = ? AND c = ?"), random.Random(2)
    latencies(client, options.rows, 1, chance)
    ratios = {name: [] for name in WIDE}
    for _ in range(options.rounds):
        for name, text in WIDE.items():
            idle = latencies(client, options.rows, options.seconds, chance)
            with WideReaders(server.port, text) as readers:
                before = readers.done.value
                beside = latencies(client, options.rows, options.seconds, chance)
                ratios[name].append((beside[0] / idle[0], beside[1] / idle[1], *idle, readers.done.value - before))
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(options.binary, pathlib.Path(folder))
        server.start()
        fill(server.port, options.rows)
        print(f"{options.rows:,} rows of {DIM} dimensions in {PARTITIONS} partitions, block cache of the defaults, depth 1; "
              f"{WIDE_CLIENTS} clients read wide; medians of {options.rounds} rounds", flush=True)
        print(f"{'beside':18} {'p50 ratio':>10} {'p99 ratio':>10} {'idle p50':>10} {'idle p99':>10} {'wide reads':>11}")
        for name, rounds in measure(server, options).items():
            p50, p99, idle50, idle99, wide = (statistics.median(column) for column in zip(*rounds))
            verdict = "" if p50 <= BOUND_P50 and p99 <= BOUND_P99 else f"  over {BOUND_P50} or {BOUND_P99}"
            print(f"{name:18} {p50:10.2f} {p99:10.2f} {idle50:7.0f} µs {idle99:7.0f} µs {wide:11.0f}{verdict}", flush=True)
        print(f"longest turn of a session core: {metric(server, 'sagitta_turn_longest_seconds') * 1e3:.2f} ms of CPU, "
              f"{metric(server, 'sagitta_turns_long_total'):.0f} turns over 2 ms")
        server.stop()


if __name__ == "__main__":
    main()
