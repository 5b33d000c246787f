#!/usr/bin/env python3
"""Kills a loaded server with SIGKILL at random moments and checks that nothing acknowledged is lost.

    test/crash/kill9.py build/release/apps/sagitta/sagitta --rounds 50

Each round: threads insert, update and delete rows through the ordinary Cassandra driver, the server dies, starts again on the
same data, and every row is compared with what was acknowledged, by key and through both indexes (each vector must find its own
row first, each version its row). A third of the updates are conditional. At the end `sagitta verify` must find every index equal to
its rows. An operation in flight at the kill may have happened or not; both are right, but from then on the answer is fixed.
SAGITTA_SEED replays the same operations and moments, as far as the machine's timing allows.
"""
import argparse
import logging
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

try:
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
    from cassandra.concurrent import execute_concurrent_with_args
    from cassandra.policies import RoundRobinPolicy
except ImportError:
    print("kill9: the Python package cassandra-driver is not there")
    print("0 passed, 0 failed, 1 skipped" if os.environ.get("CI") != "true" else "0 passed, 1 failed, 0 skipped")
    sys.exit(os.environ.get("CI") == "true")

DIM = 16
WRITERS = 4
KEYS_PER_WRITER = 200
LIFE_SECONDS = (0.05, 1.0)
START_SECONDS_MAX = 120  # a disk may stall; this test is about losses, not about time

SCHEMA = (
    "CREATE KEYSPACE IF NOT EXISTS crash WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    f"CREATE TABLE IF NOT EXISTS crash.rows (id int PRIMARY KEY, version int, v vector<float, {DIM}>)",
    "CREATE CUSTOM INDEX IF NOT EXISTS rows_by_v ON crash.rows (v) USING 'StorageAttachedIndex' "
    "WITH OPTIONS = {'similarity_function': 'euclidean'}",
    "CREATE INDEX IF NOT EXISTS rows_by_version ON crash.rows (version) USING 'sai'",
)
INSERT = "INSERT INTO crash.rows (id, version, v) VALUES (?, ?, ?)"
UPDATE = "UPDATE crash.rows SET version = ?, v = ? WHERE id = ? IF version = ?"
DELETE = "DELETE FROM crash.rows WHERE id = ?"
READ = "SELECT version, v FROM crash.rows WHERE id = ?"
NEAREST = "SELECT id, version FROM crash.rows ORDER BY v ANN OF ? LIMIT 1"
BY_VERSION = "SELECT id FROM crash.rows WHERE version = ?"
COUNT = "SELECT count(*) FROM crash.rows"


def vector_of(key, version):
    """A vector no other row has."""
    return [float(x) for x in random.Random(key * 1_000_003 + version).choices(range(-1000, 1000), k=DIM)]


def waits_of(pid):
    """Where in the kernel each thread of a process is, a line each."""
    lines = []
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir()):
        name, *waits = [(task / file).read_text().strip() for file in ("comm", "wchan", "syscall")]
        lines.append(f"    {task.name} {name}: {' '.join(waits)}")
    return "\n".join(lines)


class Server:
    """One data directory, one life after another."""

    def __init__(self, binary, folder, partitions):
        self.binary, self.data, self.log, self.partitions = binary, folder / "data", folder / "server.log", str(partitions)
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--data", self.data, "--partitions", self.partitions, "--cql", "127.0.0.1:0",
                 "--http", "127.0.0.1:0"],
                stdout=subprocess.PIPE, stderr=log, text=True)
        words = self.ready_line().split()
        self.port = int(words[words.index("cql") + 1].rpartition(":")[2])
        self.http = words[words.index("http") + 1]
        self.wait_ready()

    def give_up(self):
        try:
            print(f"  no start within {START_SECONDS_MAX} s; its threads wait in:\n{waits_of(self.process.pid)}")
        finally:
            self.process.kill()

    def ready_line(self):
        timer = threading.Timer(START_SECONDS_MAX, self.give_up)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise RuntimeError("the server did not start: " + self.log_tail())
        return line

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                with urllib.request.urlopen(f"http://{self.http}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline:
                    raise RuntimeError("the server did not get ready: " + self.log_tail()) from None
                time.sleep(0.02)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def log_tail(self):
        return self.log.read_text(errors="replace")[-2000:]

    def connect(self):
        profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=10)
        cluster = Cluster(["127.0.0.1"], port=self.port, execution_profiles={EXEC_PROFILE_DEFAULT: profile},
                          protocol_version=5, monitor_reporting_enabled=False)
        return cluster, cluster.connect()


class Writer(threading.Thread):
    """Owns a range of keys. `known` holds what each key must be; `open` the outcomes an unacknowledged operation may have had."""

    def __init__(self, number, seed):
        super().__init__(daemon=True)
        self.keys = range(number * KEYS_PER_WRITER, (number + 1) * KEYS_PER_WRITER)
        self.random = random.Random(f"{seed}/{number}")
        self.known, self.open, self.faults = {}, {}, []
        self.version = self.acknowledged = 0

    def begin(self, session):
        threading.Thread.__init__(self, daemon=True)
        self.session = session
        self.insert, self.update, self.delete = (session.prepare(text) for text in (INSERT, UPDATE, DELETE))
        self.start()

    def run(self):
        while True:
            key = self.random.choice(self.keys)
            self.version += 1
            version = None if self.random.random() < 0.15 else self.version
            try:
                if version is None:
                    self.session.execute(self.delete, (key,))
                elif self.known.get(key) is not None and self.random.random() < 0.3:
                    answer = self.session.execute(self.update, (version, vector_of(key, version), key, self.known[key]))
                    if not answer.one().applied:
                        self.faults.append(f"row {key} is not of version {self.known[key]} to a condition")
                        continue
                else:
                    self.session.execute(self.insert, (key, version, vector_of(key, version)))
            except Exception:  # killed: this operation is in doubt
                self.open[key] = {self.known.get(key), version}
                return
            self.known[key] = version
            self.acknowledged += 1


def read_all(session, keys):
    statement = session.prepare(READ)
    results = execute_concurrent_with_args(session, statement, [(key,) for key in keys], concurrency=64)
    return {key: result.result_or_exc.one() for key, result in zip(keys, results)}


def check_keys(session, writers):
    """Faults found by key. Settles what was in doubt by what is there now."""
    faults = []
    for writer in writers:
        for key, row in read_all(session, writer.keys).items():
            version = row.version if row else None
            allowed = writer.open.get(key, {writer.known.get(key)})
            if version not in allowed:
                faults.append(f"row {key} has version {version}, not {' or '.join(map(str, allowed))}")
            elif row and list(row.v) != vector_of(key, version):
                faults.append(f"row {key} has another vector than version {version}")
            writer.known[key] = version
        writer.open.clear()
        faults += writer.faults
        writer.faults.clear()
    return faults


def check_vectors(session, writers):
    faults = []
    statement = session.prepare(NEAREST)
    live = [(key, version) for writer in writers for key, version in writer.known.items() if version is not None]
    questions = [(vector_of(key, version),) for key, version in live]
    results = execute_concurrent_with_args(session, statement, questions, concurrency=32)
    for (key, version), result in zip(live, results):
        row = result.result_or_exc.one()
        if row is None or (row.id, row.version) != (key, version):
            faults.append(f"the vector of row {key} finds {row}")
    by_version = session.prepare(BY_VERSION)
    results = execute_concurrent_with_args(session, by_version, [(version,) for _, version in live], concurrency=32)
    for (key, version), result in zip(live, results):
        if key not in {row.id for row in result.result_or_exc}:
            faults.append(f"version {version} does not find row {key}")
    count = session.execute(COUNT).one()[0]
    if count != len(live):
        faults.append(f"count(*) is {count}, there are {len(live)} rows")
    return faults


def run_round(server, writers, chance):
    """One life of the server; returns the faults found in the next."""
    cluster, session = server.connect()
    for writer in writers:
        writer.begin(session)
    time.sleep(chance.uniform(*LIFE_SECONDS))
    server.kill()
    for writer in writers:
        writer.join(timeout=30)
        if writer.is_alive():
            raise RuntimeError("a writer still waits for a server that is dead")
    cluster.shutdown()
    server.start()
    cluster, session = server.connect()
    try:
        return check_keys(session, writers) + check_vectors(session, writers)
    finally:
        cluster.shutdown()


def verify(server):
    """Faults of the program's own comparison of indexes and rows, when no server has the directory."""
    server.kill()
    answer = subprocess.run([server.binary, "verify", server.data], capture_output=True, text=True, check=False)
    return [] if answer.returncode == 0 else (answer.stdout + answer.stderr).splitlines()


def run(server, rounds, seed):
    chance = random.Random(seed)
    writers = [Writer(number, seed) for number in range(WRITERS)]
    passed = failed = 0
    server.start()
    cluster, session = server.connect()
    for statement in SCHEMA:
        session.execute(statement)
    cluster.shutdown()
    for number in range(1, rounds + 1):
        faults = run_round(server, writers, chance)
        passed, failed = passed + (not faults), failed + bool(faults)
        for fault in faults[:10]:
            print(f"  round {number}: {fault}")
        if number % 5 == 0 or number == rounds or faults:
            live = sum(version is not None for writer in writers for version in writer.known.values())
            print(f"  round {number} of {rounds}: {sum(w.acknowledged for w in writers):,} writes acknowledged, {live} rows live, "
                  f"{failed} rounds with losses", flush=True)
    for fault in verify(server):
        print(f"  verify: {fault}")
        failed = max(failed, 1)
    return passed, failed


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary", type=pathlib.Path, help="the sagitta program")
    arguments.add_argument("--rounds", type=int, default=50)
    arguments.add_argument("--partitions", type=int, help="log partitions; else 1 or 4, by the seed")
    arguments.add_argument("--keep", action="store_true", help="keep the data directory")
    options = arguments.parse_args()
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
    seed = int(os.environ.get("SAGITTA_SEED", random.SystemRandom().randrange(1 << 32)))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sagitta-kill9-"))
    partitions = options.partitions or random.Random(seed).choice([1, 4])
    server = Server(options.binary.resolve(), folder, partitions)
    print(f"kill -9, {options.rounds} rounds, {partitions} log partitions, SAGITTA_SEED={seed}", flush=True)
    try:
        passed, failed = run(server, options.rounds, seed)
    except Exception as error:
        print(f"  {type(error).__name__}: {error}")
        passed, failed = 0, 1
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
        if options.keep:
            print(f"  kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
