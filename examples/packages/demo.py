#!/usr/bin/env python3
"""Loads 5,000 Debian packages into a running Sagitta and asks it 40 questions, through the ordinary Cassandra driver.

    pip install cassandra-driver==3.29.3
    python examples/packages/demo.py --cql 127.0.0.1:9042

Everything is read from the files beside this one. The exit status is 0 when recall@10 reaches --min-recall.
"""
import argparse
import json
import logging
import pathlib
import re
import struct
import sys
import textwrap
import time
import urllib.request

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import RoundRobinPolicy

HERE = pathlib.Path(__file__).resolve().parent
DIM = 384
NEIGHBOURS = 10
INSERTS_IN_FLIGHT = 64
TIMED_ROUNDS = 10
WIDTH = 112

KEYSPACE = """CREATE KEYSPACE IF NOT EXISTS examples
  WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"""
TABLE = f"""CREATE TABLE IF NOT EXISTS examples.packages (
  id int PRIMARY KEY, name text, section text, summary text, description text,
  installed_size_kib int, embedding vector<float, {DIM}>)"""
INDEX = """CREATE CUSTOM INDEX IF NOT EXISTS packages_by_embedding ON examples.packages (embedding)
  USING 'StorageAttachedIndex' WITH OPTIONS = {'similarity_function': 'cosine'}"""
INSERT = """INSERT INTO examples.packages (id, name, section, summary, description, installed_size_kib, embedding)
  VALUES (?, ?, ?, ?, ?, ?, ?)"""
ASK = f"""SELECT id, name, summary, similarity_cosine(embedding, ?) AS score FROM examples.packages
  ORDER BY embedding ANN OF ? LIMIT {NEIGHBOURS}"""


class Style:
    """Bold and dim on a terminal, plain text elsewhere."""

    def __init__(self):
        self.on = sys.stdout.isatty()

    def bold(self, text):
        return f"\033[1m{text}\033[0m" if self.on else text

    def dim(self, text):
        return f"\033[2m{text}\033[0m" if self.on else text


def read_lines(name):
    with open(HERE / name, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_vectors(name, number):
    """Rows of DIM little-endian numbers; `number` is their struct letter (e: half, f: float)."""
    row = struct.Struct(f"<{DIM}{number}")
    return [list(values) for values in row.iter_unpack((HERE / name).read_bytes())]


def connect(address):
    host, _, port = address.rpartition(":")
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)  # we report what goes wrong ourselves
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=30)
    cluster = Cluster([host], port=int(port), execution_profiles={EXEC_PROFILE_DEFAULT: profile})
    try:
        return cluster, cluster.connect()
    except NoHostAvailable as error:
        sys.exit(f"demo: no CQL server answers at {address}: {'; '.join(str(e) for e in error.errors.values())}")


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line every two seconds."""

    def __init__(self, total):
        self.total, self.begin, self.shown = total, time.monotonic(), time.monotonic()

    def show(self, done):
        now = time.monotonic()
        if not sys.stderr.isatty() and now - self.shown < 2:
            return
        self.shown = now
        rate = done / max(now - self.begin, 1e-9)
        print(f"  {done:,} of {self.total:,} rows, {rate:,.0f} rows/s", file=sys.stderr,
              end="\r" if sys.stderr.isatty() else "\n", flush=True)


def load(session, packages):
    """Inserts every package; returns rows/s, or None when they were all there."""
    count = session.execute("SELECT count(*) FROM examples.packages").one()[0]
    if count == len(packages):
        print(f"{count:,} packages are there from before")
        return None
    vectors = read_vectors("embeddings.f16", "e")
    insert = session.prepare(INSERT)
    rows = [(p["id"], p["name"], p["section"], p["summary"], p["description"], p["installed_size_kib"], vectors[p["id"]])
            for p in packages]
    print(f"loading {len(rows):,} packages: prepared inserts, {INSERTS_IN_FLIGHT} in flight")
    progress = Progress(len(rows))
    for at in range(0, len(rows), 250):
        execute_concurrent_with_args(session, insert, rows[at:at + 250], concurrency=INSERTS_IN_FLIGHT)
        progress.show(min(at + 250, len(rows)))
    seconds = time.monotonic() - progress.begin
    print(f"loaded {len(rows):,} rows in {seconds:.1f} s: {len(rows) / seconds:,.0f} rows/s (driver included)")
    return len(rows) / seconds


def wait_for(session, packages):
    """The answers are right only once every row is counted."""
    deadline = time.monotonic() + 30
    while session.execute("SELECT count(*) FROM examples.packages").one()[0] < len(packages):
        if time.monotonic() > deadline:
            sys.exit("demo: some rows that were acknowledged are not there")
        time.sleep(0.1)


def timed(session, statement, vector):
    begin = time.perf_counter()
    rows = session.execute(statement, (vector, vector)).all()
    return rows, (time.perf_counter() - begin) * 1000


def show(style, question, rows, milliseconds, right):
    head = f"{question['id'] + 1:2d}  {question['query']}"
    tail = f"{milliseconds:6.1f} ms   {right:2d}/{NEIGHBOURS} right"
    print(style.bold(head) + " " * max(2, WIDTH - len(head) - len(tail)) + style.dim(tail))
    answers = "  ".join(f"{row.name} {row.score:.3f}".replace(" ", "\u00a0") for row in rows)
    print(textwrap.fill(answers, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
          .replace("\u00a0", " "))
    if rows:
        print(style.dim("    " + textwrap.shorten(f"first: {rows[0].summary}", WIDTH - 4)))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ask_all(session, style, questions):
    """Prints every answer; returns (recall, milliseconds of each query, one trace)."""
    statement = session.prepare(ASK)
    vectors = read_vectors("queries.f32", "f")
    right = 0
    for question in questions:
        rows, milliseconds = timed(session, statement, vectors[question["id"]])
        hits = len({row.id for row in rows} & set(question["top10"]))
        right += hits
        show(style, question, rows, milliseconds, hits)
    times = [timed(session, statement, vector)[1] for _ in range(TIMED_ROUNDS) for vector in vectors]
    return right / (NEIGHBOURS * len(questions)), times, traced(session, statement, vectors[0])


def traced(session, statement, vector):
    """What the server's own trace says about one query, or None."""
    try:
        trace = session.execute(statement, (vector, vector), trace=True).get_query_trace(max_wait_sec=2)
        return next((e.description for e in trace.events if " path " in e.description), None)
    except Exception:  # a server without tracing still answers questions
        return None


def ann_counters(http):
    """Queries by path since the server started, from /metrics."""
    try:
        with urllib.request.urlopen(f"http://{http}/metrics", timeout=5) as page:
            text = page.read().decode()
    except OSError:
        return {}
    return {path: int(float(count))
            for path, count in re.findall(r'^sagitta_ann_queries_total\{path="(\w+)"\} (\S+)', text, re.M)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cql", default="127.0.0.1:9042", help="address of the server's CQL port")
    arguments.add_argument("--http", default="127.0.0.1:6080", help="address of its HTTP port, for /metrics")
    arguments.add_argument("--min-recall", type=float, default=0.0, help="exit with 1 below this recall@10")
    options = arguments.parse_args()
    style = Style()
    packages, questions = read_lines("packages.jsonl"), read_lines("queries.jsonl")
    cluster, session = connect(options.cql)
    try:
        for statement in (KEYSPACE, TABLE, INDEX):
            session.execute(statement)
        load(session, packages)
        wait_for(session, packages)
        before = ann_counters(options.http)
        print(f"\n{len(questions)} questions; of each, the {NEIGHBOURS} nearest packages with similarity_cosine\n")
        recall, times, trace = ask_all(session, style, questions)
        after = ann_counters(options.http)
    finally:
        cluster.shutdown()
    paths = ", ".join(f"{path} {after[path] - before.get(path, 0)}" for path in sorted(after))
    print(f"\nrecall@{NEIGHBOURS} {recall:.4f} against the exact answers")
    print(f"latency   p50 {percentile(times, 0.5):.2f} ms, p99 {percentile(times, 0.99):.2f} ms "
          f"({len(times)} queries one after another, driver included)")
    print(f"path      queries by path: {paths or 'unknown, no metrics at ' + options.http}")
    if trace:
        print(f"trace     {trace}")
    if recall < options.min_recall:
        sys.exit(f"demo: recall@{NEIGHBOURS} {recall:.4f} is below {options.min_recall}")


main()
