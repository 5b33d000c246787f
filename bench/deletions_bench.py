#!/usr/bin/env python3
"""What deletions and large collections cost a writer, and all others: ratios, in turns, medians. `deletions_bench.py [SERVER] [ROWS]`."""
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "conformance"))
import bare  # noqa: E402

SERVER = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/release/apps/sagitta/sagitta")
ROWS = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
PORT, HTTP_PORT = 19142, 16180


def ask(connection, text):
    connection.send(bare.frame(bare.QUERY, bare.query_body(text)))
    _, opcode, body = connection.receive()
    if opcode == bare.ERROR:
        raise RuntimeError(body[6:].decode(errors="replace"))


def batch(statements):
    return "BEGIN UNLOGGED BATCH " + "; ".join(statements) + "; APPLY BATCH"


def timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def insert_rows(connection, table, partition, first, last, step=5000):
    for at in range(first, last, step):
        ask(connection, batch(f"INSERT INTO b.{table} (p, c, x) VALUES ({partition}, {c}, 1)" for c in range(at, min(last, at + step))))


def deletions(connection):
    """A record of 15,000 rows, into a partition with 9,900 range deletions and into one without."""
    for at in range(0, 9900, 990):
        ask(connection, batch(f"DELETE FROM b.t WHERE p = 1 AND c >= {3 * i} AND c < {3 * i + 2}" for i in range(at, at + 990)))
    times = {1: [], 2: []}
    for _ in range(5):
        for partition in (1, 2):
            rows = batch(f"INSERT INTO b.t (p, c, x) VALUES ({partition}, {2 * c}, 1)" for c in range(15_000))
            times[partition].append(timed(lambda: ask(connection, rows)))
    with_them, without = (statistics.median(times[p]) for p in (1, 2))
    print(f"15,000 rows into a partition with 9,900 range deletions: {with_them / without:.2f} x one without ({with_them * 1e3:.0f} ms)")


def collections(connection):
    """500 elements, each its own statement of one record, added to a set of 50,000 and to one of 50; both have them already, so that they stay as large."""
    sizes = {1: 50, 2: 50_000}
    for key, size in sizes.items():
        for at in range(0, size, 10_000):
            elements = ", ".join(map(str, range(at, min(size, at + 10_000))))
            ask(connection, f"UPDATE b.s SET v = v + {{{elements}}} WHERE k = {key}")
    times = {1: [], 2: []}
    for _ in range(5):
        for key, size in sizes.items():
            adds = batch(f"UPDATE b.s SET v = v + {{{i * 7919 % size}}} WHERE k = {key}" for i in range(500))
            times[key].append(timed(lambda: ask(connection, adds)))
    few, many = (statistics.median(times[k]) for k in (1, 2))
    print(f"adding to a set of 50,000: {many / few:.2f} x to one of 50 ({many / 500 * 1e6:.0f} us an element)")


class Writer(threading.Thread):
    """Writes single rows, one after the other, and keeps how long each took."""

    def __init__(self):
        super().__init__(daemon=True)
        self.connection, self.times, self.stopping = bare.Connection(PORT, 4), [], False
        self.connection.socket.settimeout(60)

    def run(self):
        at = 0
        while not self.stopping:
            at += 1
            self.times.append(timed(lambda: ask(self.connection, f"INSERT INTO b.other (k, x) VALUES ({at}, 1)")))

    def p99(self):
        self.stopping = True
        self.join()
        return statistics.quantiles(self.times, n=100)[98], max(self.times)


def during(work, seconds):
    writer = Writer()
    writer.start()
    time.sleep(0.2)
    took = timed(work)
    time.sleep(seconds)
    return *writer.p99(), took


def rss_mib(pid):
    return int(next(line for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM")).split()[1]) / 1024


def large(connection, pid):
    """Other writers while many rows go."""
    idle, worst, _ = during(lambda: None, 4)
    print(f"idle: p99 of other writers {idle * 1e3:.1f} ms, worst {worst * 1e3:.1f}")
    for what, text in (("DELETE of a partition", "DELETE FROM b.t WHERE p = 9"), ("TRUNCATE", "TRUNCATE b.t"), ("DROP TABLE", "DROP TABLE b.t")):
        insert_rows(connection, "t", 9, 0, ROWS)
        before = rss_mib(pid)
        p99, worst, took = during(lambda: ask(connection, text), 6)
        print(f"{what} of {ROWS:,} rows: p99 of other writers {p99 / idle:.1f} x idle, worst {worst * 1e3:.0f} ms; answered after {took * 1e3:.0f} ms; peak of RSS + {rss_mib(pid) - before:.0f} MiB", flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([SERVER, "serve", "--data", folder + "/data", "--cql", f"127.0.0.1:{PORT}", "--http", f"127.0.0.1:{HTTP_PORT}",
                                   "--log-level", "error", "--request-timeout", "60000"], stdout=subprocess.DEVNULL)
        try:
            time.sleep(1)
            connection = bare.Connection(PORT, 4)
            connection.socket.settimeout(120)
            ask(connection, "CREATE KEYSPACE b WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
            ask(connection, "CREATE TABLE b.t (p int, c int, x int, PRIMARY KEY (p, c))")
            ask(connection, "CREATE TABLE b.s (k int PRIMARY KEY, v set<int>)")
            ask(connection, "CREATE TABLE b.other (k int PRIMARY KEY, x int)")
            deletions(connection)
            collections(connection)
            large(connection, server.pid)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


main()
