#!/usr/bin/env python3
"""What several log partitions cost and gain, as ratios to one: bench/partitions_bench.py SAGITTA [--before OTHER]

All in turns, medians: the CPU of a start with empty partitions; synced one-row writes with 64 in flight, beside as many bare
files that are synced; two lanes against one. With --before, the program of another commit at one partition, CPU per operation.
"""
import argparse
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time

RECORD = b"x" * 500
STARTS = 5
CPU_TICKS = os.sysconf("SC_CLK_TCK")


def start(binary, folder, partitions):
    """CPU and wall seconds until the server serves."""
    began = time.monotonic()
    server = subprocess.Popen([binary, "serve", "--data", folder, "--partitions", str(partitions), "--cql", "127.0.0.1:0",
                               "--http", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if not server.stdout.readline():
        raise RuntimeError(f"a server with {partitions} partitions did not start")
    wall = time.monotonic() - began
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    server.send_signal(signal.SIGTERM)
    server.wait()
    return (int(fields[11]) + int(fields[12])) / CPU_TICKS, wall


def show_starts(binary, partitions):
    with tempfile.TemporaryDirectory() as root:
        folders = {count: f"{root}/{count}" for count in (1, partitions)}
        for count, folder in folders.items():
            start(binary, folder, count)  # makes them
        seen = {count: [] for count in folders}
        for _ in range(STARTS):
            for count, folder in folders.items():
                seen[count].append(start(binary, folder, count))
    cpu, wall = ({count: statistics.median(one[i] for one in seen[count]) for count in seen} for i in (0, 1))
    print(f"a start with {partitions} empty partitions: {cpu[partitions]:.2f} CPU s, with one {cpu[1]:.2f}: "
          f"{cpu[partitions] - cpu[1]:.2f} more (wall {wall[partitions]:.2f} and {wall[1]:.2f} s)", flush=True)


def syncs_a_second(folder, files, seconds):
    """Of `files` preallocated files together, a thread each."""
    counts = [0] * files
    until = time.monotonic() + seconds

    def write(number):
        with open(f"{folder}/{number}", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 64 << 20)
            while time.monotonic() < until:
                os.write(file.fileno(), RECORD)
                os.fdatasync(file.fileno())
                counts[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(files)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def load(binary, workload, depth, options, server=None):
    """Operations a second and CPU microseconds of each, of a server on a fresh directory."""
    command = [binary, "bench", "cql", "--rows", "2000", "--ingest-rows", "2000", "--workload", workload, "--depth", str(depth),
               "--rounds", "3", "--seconds", "1", "--no-figures", *(["--server", server] if server else []), *options]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = next(line for line in shown.splitlines() if line.startswith(f"{workload} "))
    fields = line.split()
    return float(fields[2]), float(fields[6])


def show_ratio(name, pairs):
    ratios = [mine / other for mine, other in pairs]
    print(f"{name}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)


def show_writes(binary, partitions, rounds):
    several = ("--partitions", str(partitions))
    lanes, counts, files = [], [], []
    for _ in range(rounds):
        one, more, two_lanes = (load(binary, "ingest_plain", 64, options)[0]
                                for options in ((), (*several, "--lanes", "1"), (*several, "--lanes", "2")))
        counts.append((more, one))
        lanes.append((two_lanes, more))
        with tempfile.TemporaryDirectory() as folder:
            files.append((syncs_a_second(folder, partitions, 1), syncs_a_second(folder, 1, 1)))
    show_ratio(f"synced writes, 64 in flight, {partitions} partitions / 1", counts)
    show_ratio(f"syncs of {partitions} bare files / 1", files)
    show_ratio(f"the same writes, {partitions} partitions, 2 lanes / 1", lanes)


def show_before(binary, before, rounds):
    for workload, depth in (("read", 16), ("ingest_plain", 16), ("ingest", 16), ("ann", 16)):
        pairs = []
        for number in range(rounds):
            both = {program: load(binary, workload, depth, (), program)[1]
                    for program in ((binary, before) if number % 2 else (before, binary))}
            pairs.append((both[binary], both[before]))
        show_ratio(f"one partition, CPU of {workload}, now / before", pairs)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary", help="the sagitta program")
    arguments.add_argument("--partitions", type=int, default=4, help="of the writes (%(default)s)")
    arguments.add_argument("--empty", type=int, default=64, help="of the starts (%(default)s)")
    arguments.add_argument("--rounds", type=int, default=7, help="pairs of each ratio (%(default)s)")
    arguments.add_argument("--before", help="the program of another commit")
    options = arguments.parse_args()
    print(f"{os.cpu_count()} processors; medians, smallest and largest in parentheses", flush=True)
    show_starts(options.binary, options.empty)
    show_writes(options.binary, options.partitions, options.rounds)
    if options.before:
        show_before(options.binary, options.before, options.rounds)


if __name__ == "__main__":
    main()
