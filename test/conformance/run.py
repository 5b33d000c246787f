#!/usr/bin/env python3
"""Runs unmodified clients against the server: run.py SAGITTA_BINARY [--long | SUITE ...]

Each suite gets a server and a data directory of its own. A suite is a program that prints 'ok NAME', 'FAIL NAME' or
'skip NAME' lines, and '@restart' or '@crash' when it wants the server stopped or killed under it and started again. The
last line is the totals. A client that cannot be installed here is a skip; where CI=true it is a failure, unless its suite
is a long one.
"""
import os
import pathlib
import subprocess
import sys
import threading

import environments
from server import Server

HERE = pathlib.Path(__file__).resolve().parent
SUITE_SECONDS = 240
LONG_SUITE_SECONDS = 900


def python_suite(environment, script, *options):
    return lambda server: [environments.python(environment), HERE / script, "--port", str(server.port), *options]


def own_suite(script):
    return lambda server: [sys.executable, HERE / script, "--port", str(server.port)]


def limits_suite(script):
    return lambda server: [sys.executable, HERE / script, "--port", str(server.port), "--http-port", str(server.http_port)]


def node_suite(environment, script):
    return lambda server: ["env", f"PATH={environments.node_tools()['PATH']}", f"CLIENT_FOLDER={environments.node(environment)}",
                           f"CQL_PORT={server.port}", "node", HERE / script]


def java_suite(environment, suite, *options):
    sources = [HERE / "java" / "Checks.java", *sorted((HERE / "java" / environment).glob("*.java"))]
    return lambda server: ["java", "-cp", environments.java(environment, sources), f"conformance.{suite}", str(server.port), *options]


def go_suite(folder, *options):
    return lambda server: [environments.go(HERE / "go" / folder), str(server.port), *options]


def rust_suite(folder, *options):
    return lambda server: [environments.rust(HERE / "rust" / folder), str(server.port), *options]


def cqlsh_suite(environment):
    return lambda server: [sys.executable, HERE / "cqlsh_suite.py", "--port", str(server.port), "--cqlsh",
                         str(environments.python(environment).parent / "cqlsh")]


NEWEST = "cassandra-driver-3.29"
SUITES = {
    "raw bytes": own_suite("raw_bytes.py"),
    "limits": limits_suite("limits.py"),
    "memory": limits_suite("memory.py"),
    "long statements": python_suite(NEWEST, "long_statements.py"),
    "python 3.29 default (v5, lz4)": python_suite(NEWEST, "driver_suite.py", "--expect-version", "5"),
    "python 3.29 v5 plain": python_suite(NEWEST, "driver_suite.py", "--protocol", "5", "--compression", "none"),
    "python 3.29 v4 plain": python_suite(NEWEST, "driver_suite.py", "--protocol", "4", "--compression", "none"),
    "python 3.29 v4 lz4": python_suite(NEWEST, "driver_suite.py", "--protocol", "4", "--compression", "lz4"),
    "python 3.29 v4 snappy": python_suite(NEWEST, "driver_suite.py", "--protocol", "4", "--compression", "snappy"),
    "python 3.28": python_suite("cassandra-driver-3.28", "driver_suite.py"),
    "scylla-driver 3.29.0": python_suite("scylla-driver-3.29.0", "driver_suite.py"),
    "scylla-driver newest": python_suite("scylla-driver-newest", "driver_suite.py"),
    "node 4.10": node_suite("cassandra-driver-node", "node_suite.js"),
    "cqlsh": cqlsh_suite("cqlsh"),
    "scylla-cqlsh": cqlsh_suite("scylla-cqlsh"),
    "article products": python_suite(NEWEST, "article_products.py"),
    "article life of an embedding": python_suite(NEWEST, "article_life.py"),
    "article life of an embedding, scylla-driver": python_suite("scylla-driver-newest", "article_life.py"),
    "bad vectors": python_suite(NEWEST, "bad_vectors.py"),
    "langchain": python_suite("langchain", "langchain_suite.py"),
    "llamaindex": python_suite("llamaindex", "llamaindex_suite.py"),
    "langchain-scylladb": python_suite("scylla-driver-newest", "langchain_scylladb_suite.py"),
    "langchain for node": node_suite("langchain-node", "langchain_suite.js"),
    "langgraph for node": node_suite("langgraph-node", "langgraph_suite.js"),
    "langgraph validation": node_suite("langgraph-node", "langgraph_validation_suite.js"),
    "agents": python_suite(NEWEST, "agents_suite.py"),
    "agents, several partitions": python_suite(NEWEST, "agents_suite.py"),
    "recorded answers of cassandra": own_suite("../cassandra/recorded_suite.py"),
}

# What takes longer than a run of all tests can wait for.
LONG_SUITES = {
    "spring ai": java_suite("spring-ai", "SpringAiSuite"),
    "java driver 4.19 v5 plain": java_suite("java-driver", "DriverSuite", "V5", "none"),
    "java driver 4.19 v5 lz4": java_suite("java-driver", "DriverSuite", "V5", "lz4"),
    "java driver 4.19 v4 lz4": java_suite("java-driver", "DriverSuite", "V4", "lz4"),
    "java driver 4.19 v4 snappy": java_suite("java-driver", "DriverSuite", "V4", "snappy"),
    "gocql 2.1 v5 plain": go_suite("gocql", "5", "none"),
    "gocql 2.1 v5 lz4": go_suite("gocql", "5", "lz4"),
    "gocql 2.1 v4 snappy": go_suite("gocql", "4", "snappy"),
    "rust scylla 1.9 plain": rust_suite("scylla", "none"),
    "rust scylla 1.9 lz4": rust_suite("scylla", "lz4"),
    "rust scylla 1.9 snappy": rust_suite("scylla", "snappy"),
}

# What a suite may ask of its server.
REQUESTS = {"@restart": Server.restart, "@crash": Server.crash}
# Of the suites whose server is not as it comes.
SERVER_OPTIONS = {"limits": ("--workers", "1", "--memory", "256", "--block-cache", "32"),
                  "memory": ("--memory", "256", "--block-cache", "32"),
                  "long statements": ("--memory", "1024", "--block-cache", "32")}
# How many log partitions every suite asks; else by partitions_of.
PARTITIONS = os.environ.get("SAGITTA_PARTITIONS")


def partitions_of(name):
    return PARTITIONS or ("4" if name.startswith("python") or name.endswith("several partitions") else "1")


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def count(self, line):
        self.passed += line.startswith("ok ")
        self.failed += line.startswith("FAIL ")
        self.skipped += line.startswith("skip ")

    def fail(self, text):
        self.failed += 1
        print(f"   FAIL {text}", flush=True)


def converse(process, server, totals):
    """Passes on what the suite prints and does what it asks; returns how many checks failed in it."""
    before = totals.failed
    for line in process.stdout:
        if line.strip() in REQUESTS:
            REQUESTS[line.strip()](server)
            process.stdin.write("\n")
            process.stdin.flush()
            continue
        totals.count(line)
        print("   " + line, end="", flush=True)
    return totals.failed - before


def run_suite(name, command_for, binary, totals):
    print(f"-- {name}", flush=True)
    log = environments.CLIENTS / "logs" / (name.replace(" ", "-").replace(",", "") + ".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    server = Server(binary, log, ("--partitions", partitions_of(name), *SERVER_OPTIONS.get(name, ())))
    try:
        command = command_for(server)
    except environments.Missing as missing:
        if os.environ.get("CI") == "true" and name in SUITES:
            return totals.fail(f"{name}: {missing}")
        totals.skipped += 1
        return print(f"   skip {name}: {missing}", flush=True)
    server.start()
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "SERVER_PID": str(server.process.pid)})
    watchdog = threading.Timer(SUITE_SECONDS if name in SUITES else LONG_SUITE_SECONDS, process.kill)
    watchdog.start()
    failed = converse(process, server, totals)
    status = process.wait()
    watchdog.cancel()
    if status != 0 and failed == 0:
        totals.fail(f"{name} ended with status {status}")
    status = server.stop() if server.alive() else f"died: {server.process.returncode}"
    if status != 0:
        totals.fail(f"the server stopped with {status}")
    if status != 0 or failed:
        print(server.tail(), flush=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[0])
    binary, chosen = sys.argv[1], sys.argv[2:] or list(SUITES)
    if chosen == ["--long"]:
        chosen = list(LONG_SUITES)
    totals = Totals()
    for name in chosen:
        try:
            run_suite(name, (SUITES | LONG_SUITES)[name], binary, totals)
        except Exception as error:
            totals.fail(f"{name}: {error}")
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    sys.exit(1 if totals.failed else 0)


if __name__ == "__main__":
    main()
