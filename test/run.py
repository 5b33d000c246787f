#!/usr/bin/env python3
"""Runs stages of the tests and prints one closing line of totals: `./x test [STAGE ...]`.

A stage is a function that returns (passed, failed, skipped). Stages after a failed one still run.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
SAGITTA = BUILD / "apps" / "sagitta" / "sagitta"
FUZZ_SECONDS = int(os.environ.get("SAGITTA_FUZZ_SECONDS", "5"))
KILL_ROUNDS = int(os.environ.get("SAGITTA_KILL_ROUNDS", "50"))
TOTALS = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?")


def ctest(pattern):
    """Runs the gtest programs that match; counts their single tests by the reports they write."""
    reports = BUILD / "reports"
    if reports.exists():
        for report in reports.glob("*.json"):
            report.unlink()
    done = subprocess.run(["ctest", "--test-dir", str(BUILD), "--output-on-failure", "-j2", "-R", pattern])
    passed = failed = skipped = 0
    for report in sorted(reports.glob("*.json")):
        for suite in json.loads(report.read_text()).get("testsuites", []):
            for case in suite["testsuite"]:
                if case.get("result") == "SKIPPED":
                    skipped += 1
                elif case.get("failures"):
                    failed += 1
                else:
                    passed += 1
    if done.returncode != 0 and failed == 0:
        failed = 1  # a program crashed before it could report
    return passed, failed, skipped


def unit():
    return ctest(r"^(unit|link)\.")


def script(*command):
    """A test program of ours that ends with 'N passed, N failed, N skipped'."""
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True)
    last = None
    for line in process.stdout:
        print(line, end="", flush=True)
        last = TOTALS.search(line) or last
    code = process.wait()
    if last is None:
        return 0, 1, 0
    passed, failed, skipped = (int(n or 0) for n in last.groups())
    return passed, failed or int(code != 0), skipped


def conformance():
    return script(ROOT / "test" / "conformance" / "run.py", SAGITTA)


def drivers():
    return script(ROOT / "test" / "conformance" / "run.py", SAGITTA, "--long")


def crash():
    return script(ROOT / "test" / "crash" / "kill9.py", SAGITTA, "--rounds", KILL_ROUNDS)


def bench():
    return script(ROOT / "bench" / "smoke.py", BUILD)


def fuzz():
    passed = failed = 0
    for program in sorted((ROOT / "build" / "fuzz").glob("src/*/sagitta_*_fuzz")):
        library, name = re.match(r"sagitta_([a-z]+)_(.+)_fuzz", program.name).groups()
        kept = ROOT / "test" / "corpus" / f"{library}_{name}"
        fresh = ROOT / "build" / "corpus" / kept.name
        fresh.mkdir(parents=True, exist_ok=True)
        command = [program, f"-max_total_time={FUZZ_SECONDS}", "-timeout=20", "-rss_limit_mb=4096",
                   "-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={fresh}/", fresh]
        command += [kept] if kept.exists() else []
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        runs = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
        print(f"{program.name}: {runs.group(1) if runs else '?'} runs, {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
        if done.returncode != 0:
            print(done.stderr[-4000:])
        passed += done.returncode == 0
        failed += done.returncode != 0
    return passed, failed, 0


def main():
    stages = {"unit": unit, "conformance": conformance, "crash": crash, "fuzz": fuzz, "bench": bench, "drivers": drivers}
    chosen = sys.argv[1:] or [name for name in stages if name != "drivers"]
    totals = [0, 0, 0]
    lines = []
    for name in chosen:
        if name not in stages:
            sys.exit(f"test: unknown stage '{name}'; there are: {' '.join(stages)}")
        print(f"== {name}", flush=True)
        started = time.monotonic()
        counts = stages[name]()
        lines.append(f"{name:12s} {counts[0]:5d} passed {counts[1]:4d} failed {counts[2]:4d} skipped {time.monotonic() - started:7.1f} s")
        totals = [total + count for total, count in zip(totals, counts)]
    print("\n".join(["", *lines]))
    print(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    sys.exit(1 if totals[1] else 0)


main()
