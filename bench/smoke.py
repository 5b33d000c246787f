#!/usr/bin/env python3
"""Runs every benchmark of the vector index small, so that none rots: `bench/smoke.py build/release`. Needs no network and no
peers, but the Python driver. Speed is not judged; that each command ends well and prints its table is, and that searches need no more work than before.
"""
import json
import os
import pathlib
import random
import re
import stat
import struct
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1])
BENCH = BUILD / "bench" / "sagitta_bench_ann"
SAGITTA = BUILD / "apps" / "sagitta" / "sagitta"
DIM, ROWS, QUERIES, K = 8, 200, 20, 10

# Of a set's 3,000 rows, inserted by one thread, at beam 20: its metric, the least recall, the most nodes expanded by a query. The
# figures repeat but for rounding; what is better than these by much should replace them.
GUARD_BEAM = 20
GUARD = {"clustered128": ("l2", 0.945, 24), "embed768": ("cosine", 0.91, 25)}

PEER = """#!%s
import sys
print("build_s 1.5\\nmemory_bytes 1048576\\nready", flush=True)
for line in sys.stdin:
    beam = int(line.split()[1])
    print(f"beam {beam} recall {1 - 1 / beam} qps {100000 / beam} p50_us {beam} p99_us {beam * 2}", flush=True)
""" % sys.executable

failures = []
passed = 0


def check(name, condition, shown=""):
    global passed
    passed += bool(condition)
    if not condition:
        failures.append(name)
        print(f"FAILED {name}\n{shown}", flush=True)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def executable(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def comparison(folder):
    peer = executable(folder / "peer", PEER)
    dying = executable(folder / "dying", "#!/bin/sh\nexit 3\n")
    absent = executable(folder / "absent", "#!/bin/sh\necho absent not on this machine\n")
    wordy = executable(folder / "wordy", PEER.replace('"beam {', '"ray {').replace("f\"beam", "f\"ray"))
    code, out, err = run(BENCH, "--smoke", "--work", folder / "sets", "--peer", f"symqg={peer}", "--peer", f"dying={dying}",
                         "--peer", f"gone={absent}", "--peer", f"wordy={wordy}", "--peer", f"none={folder}/none")
    check("comparison ends well", code == 0, out + err)
    for line in ("clustered128: 3000 x 128", "embed768: 3000 x 768", "FAILED: the peer has ended",
                 "absent: not on this machine", "absent: cannot start", "is not the result of a beam"):
        check(f"comparison prints '{line}'", line in out, out + err)
    judged = [line for line in out.splitlines() if line.startswith("fast QPS@0.90 / symqg")]
    check("an outside peer is judged", len(judged) == 2 and judged[0].split()[-1] in ("goal", "must", "MISSED"), out)
    code, out, err = run(BENCH, "--peer", "nonsense")
    check("--peer without a name is refused", code != 0 and "NAME=EXECUTABLE" in err, err)


def grids():
    for grid, line in (("filter", "scattered"), ("filter --predicate", "scattered"), ("churn", "recall below fresh"), ("concurrency", "p99 ratio"),
                       ("growth", "cost ratio")):
        if grid == "concurrency" and len(os.sched_getaffinity(0)) < 2:
            continue
        code, out, err = run(BENCH, *grid.split(), "--smoke")
        check(f"{grid} ends well", code == 0 and line in out, out + err)


def matrix(path, dim, rows, code="f"):
    values = [value for row in rows for value in row]
    path.write_bytes(struct.pack("<II", len(rows), dim) + struct.pack(f"<{len(values)}{code}", *values))
    return path


def own_files(folder):
    generator = random.Random(1)
    draw = lambda count: [[generator.gauss(0, 1) for _ in range(DIM)] for _ in range(count)]
    base, queries = draw(ROWS), draw(QUERIES)
    squares = lambda a, b: sum((x - y) ** 2 for x, y in zip(a, b))
    truth = [sorted(range(ROWS), key=lambda row: squares(base[row], query))[:K] for query in queries]
    return {"--base": matrix(folder / "base.fbin", DIM, base), "--queries": matrix(folder / "queries.fbin", DIM, queries),
            "--truth": matrix(folder / "truth.ibin", K, truth, "I"), "--metric": "l2"}


def command_line(options, **changes):
    merged = {**options, **{"--" + name: value for name, value in changes.items()}}
    return [SAGITTA, "bench", "ann"] + [str(word) for pair in merged.items() if pair[1] is not None for word in pair]


def bench_command(folder):
    options = own_files(folder)
    for level in ("f32", "f16", "bf16", "i8"):
        for profile in ("compact", "fast"):
            code, out, err = run(*command_line(options, level=level, profile=profile, threads=2, beams="20,200", k=K,
                                               oversampling=4 if level == "i8" else 0))
            lines = [json.loads(line) for line in out.splitlines()] if code == 0 else []
            name = f"sagitta bench ann, {level}, {profile}"
            check(f"{name} prints a line for each beam", [line["beam"] for line in lines] == [20, 200], out + err)
            check(f"{name} finds the neighbours", lines and lines[-1]["recall"] >= 0.95, out)
            wanted = {"beam", "recall", "qps", "p50_us", "p99_us", "expanded", "build_s", "memory_bytes"}
            check(f"{name} has every name", lines and wanted <= set(lines[0]), out)
            parts = dict(lines[0]["memory_bytes"]) if lines else {"total": -1}
            check(f"{name} adds memory up", parts.pop("total") == sum(parts.values()), out)
    short = folder / "short.fbin"
    short.write_bytes(options["--base"].read_bytes()[:-4])
    refused = {
        "no metric": {"metric": None}, "an unknown metric": {"metric": "manhattan"}, "an unknown level": {"level": "f8"},
        "an unknown profile": {"profile": "best"}, "a beam of 0": {"beams": "0"}, "beams that fall": {"beams": "20,10"},
        "a file that is not there": {"base": folder / "none.fbin"}, "a file cut short": {"base": short},
        "truth for other queries": {"truth": options["--base"]}, "too short a truth": {"k": K + 1},
        "queries of another dimension": {"queries": options["--truth"]},
        "not finite": {"base": matrix(folder / "nan.fbin", DIM, [[float("nan")] * DIM])},
    }
    for name, changes in refused.items():
        code, out, err = run(*command_line(options, **changes))
        lines = err.strip().splitlines()
        check(f"{name} is refused in a line", code not in (0, -6, -11) and 1 <= len(lines) <= 2 and not out, out + err)


def regression_guard(folder):
    run(BENCH, "make", "--smoke", "--work", folder / "sets")
    for name, (metric, least_recall, most_expanded) in GUARD.items():
        files = {word: next((folder / "sets").glob(f"{name}.*.{word}.*bin")) for word in ("base", "queries", "truth")}
        for profile in ("compact", "fast"):
            code, out, err = run(*command_line({}, **files, metric=metric, profile=profile, beams=GUARD_BEAM))
            line = json.loads(out) if code == 0 else {"recall": 0, "expanded": 0}
            check(f"{name}, {profile}: recall and expansions are no worse than before",
                  line["recall"] >= least_recall and line["expanded"] <= most_expanded, out + err)


def cql_numbers(out, pattern):
    found = re.search(pattern, out)
    return [float(number) for number in found.groups()] if found else [0.0] * re.compile(pattern).groups


def cql_load():
    """A server under each workload, in closed and in open loops. Counters are judged: answers, recall, rows tested; never seconds."""
    shape = ["--set", "clustered128", "--rows", 3000, "--ingest-rows", 300, "--queries", 50, "--rounds", 1, "--seconds", 0.1, "--beam", 64]
    code, out, err = run(SAGITTA, "bench", "cql", *shape, "--depth", "1,16")
    check("bench cql ends well", code == 0 and "requests that failed: 0" in out, out + err)
    for workload in ("empty", "read", "ingest", "ann", "ann_star", "filtered", "mixed"):
        rates = [int(rate) for rate in re.findall(rf"^{workload} +\d+ +(\d+)", out, re.MULTILINE)]
        check(f"bench cql: {workload} is answered at each depth", len(rates) >= 2 and all(rates), out)
    server, engine = cql_numbers(out, r"recall: server (\S+), engine (\S+);")
    check("bench cql: the server finds what the bare engine finds", server >= engine - 0.01 and engine >= 0.98, out)
    tested, = cql_numbers(out, r"pass: (\d+) rows tested a query")
    check("bench cql: rows tested are counted", 10 <= tested <= 3000, out)
    for line in ("a query: server CPU", "SELECT *", "a row, 64 in flight", "a synced write of one row"):
        check(f"bench cql prints '{line}'", line in out, out)
    code, out, err = run(SAGITTA, "bench", "cql", *shape, "--rate", 500, "--depth", 1, "--connections", 2, "--workload", "read,mixed", "--no-figures")
    check("bench cql in an open loop ends well", code == 0 and "open loop, 500 a second, 2 connections" in out, out + err)
    for name, words in {"a set": ["--set", "none"], "a workload": ["--workload", "none"], "a depth": ["--depth", "0"], "a profile": ["--profile", "none"]}.items():
        code, out, err = run(SAGITTA, "bench", "cql", "--rows", 100, "--queries", 1, *words)
        check(f"bench cql: {name} that there is not is refused in a line", code == 1 and len(err.strip().splitlines()) <= 2 and not out, out + err)


def cql_peer(folder):
    """Two servers of our own: every answer of both is looked at."""
    peer = subprocess.Popen([SAGITTA, "serve", "--data", folder / "served", "--cql", "127.0.0.1:0", "--http", "127.0.0.1:0"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        cql = re.search(r"cql (\S+)", peer.stdout.readline()).group(1)
        command = [SAGITTA, "bench", "peer", "--cql", cql, "--rows", 300, "--rounds", 1, "--seconds", 0.05, "--warm", 0.1]
        code, out, err = run(*command, "--process", peer.pid)
        check("bench peer ends well", code == 0 and "failed: 0; with an answer that is not what it should be: 0" in out, out + err)
        for workload in ("empty", "read", "write", "write_indexed", "index", "lwt_insert", "lwt_update"):
            ours, peers = cql_numbers(out, rf"(?m)^{workload} +(\d+) +(\d+) ")
            check(f"bench peer: {workload} is answered by both", ours > 0 and peers > 0, out)
        code, out, err = run(*command, "--process", peer.pid, "--workload", "read,index", "--depth", 2, "--connections", 2)
        check("bench peer leaves nothing behind", code == 0 and "2 in flight on each of 2 connections" in out, out + err)
        for name, words in {"a workload": ["--process", peer.pid, "--workload", "none"], "a process": ["--process", 2**22]}.items():
            code, out, err = run(*command, *words)
            check(f"bench peer: {name} that there is not is refused in a line", code == 1 and "no " in err.splitlines()[-1] and not out, out + err)
    finally:
        peer.terminate()
        peer.wait()
        peer.stdout.close()


def restarts():
    code, out, err = run(sys.executable, pathlib.Path(__file__).parent / "restart_bench.py", SAGITTA, "--rows", 2000, "--dim", 16)
    check("a server is restarted with and without snapshots", code == 0 and out.count("ready in") == 2, out + err)


def main():
    with tempfile.TemporaryDirectory() as folder:
        comparison(pathlib.Path(folder))
        grids()
        restarts()
        cql_load()
        cql_peer(pathlib.Path(folder))
        bench_command(pathlib.Path(folder))
        regression_guard(pathlib.Path(folder))
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


main()
