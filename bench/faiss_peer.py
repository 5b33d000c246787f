#!/usr/bin/env python3
"""FAISS's HNSW as a peer of `./x bench ann`, by the protocol of bench/README.md.

Queries go to the library's own call, one at a time, over buffers that are made once; what Python adds to each is measured by an
empty index at the start and taken off.
"""
import argparse
import os
import sys
import time

import numpy
import faiss

CONNECTIONS = 16
EXPANSION_ADD = 200
WARM_QUERIES = 200


def matrix(path, kind):
    count, dim = numpy.fromfile(path, dtype="<u4", count=2)
    return numpy.fromfile(path, dtype=kind, offset=8).reshape(count, dim)


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


class Searcher:
    def __init__(self, index, queries, k):
        self.index, self.k = index, k
        self.rows = [faiss.swig_ptr(row) for row in queries]
        self.distances = numpy.empty(k, dtype="float32")
        self.ids = numpy.empty((len(queries), k), dtype="int64")
        self.out = [faiss.swig_ptr(row) for row in self.ids]

    def seconds(self):
        """How long each query took."""
        search, clock, k, best = self.index.search_c, time.perf_counter, self.k, faiss.swig_ptr(self.distances)
        times = [clock()]
        for row, out in zip(self.rows, self.out):
            search(1, row, k, best, out)
            times.append(clock())
        return numpy.diff(times)


def build(options, base, metric):
    index = faiss.IndexHNSWFlat(base.shape[1], CONNECTIONS, metric)
    index.hnsw.efConstruction = EXPANSION_ADD
    faiss.omp_set_num_threads(options.threads)
    index.add(base)
    faiss.omp_set_num_threads(1)
    return index


def main():
    parser = argparse.ArgumentParser()
    for name in ("base", "queries", "truth", "metric", "beams"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    base, queries = matrix(options.base, "<f4"), matrix(options.queries, "<f4")
    truth = matrix(options.truth, "<u4")[:, : options.k]
    metric = faiss.METRIC_L2 if options.metric in ("l2", "euclidean") else faiss.METRIC_INNER_PRODUCT
    if options.metric == "cosine":
        faiss.normalize_L2(base)
        faiss.normalize_L2(queries)

    before, started = resident_bytes(), time.perf_counter()
    index = build(options, base, metric)
    print(f"build_s {time.perf_counter() - started:.3f}")
    print(f"memory_bytes {resident_bytes() - before}")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    searcher = Searcher(index, queries, options.k)
    empty = Searcher(faiss.IndexHNSWFlat(base.shape[1], CONNECTIONS, metric), queries, options.k)
    overhead = float(numpy.median(empty.seconds()))
    print("ready", flush=True)

    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word != "run":
            print(f"error unknown request '{line.strip()}'", flush=True)
            continue
        index.hnsw.efSearch = int(rest)
        for row, out in list(zip(searcher.rows, searcher.out))[:WARM_QUERIES]:
            index.search_c(1, row, options.k, faiss.swig_ptr(searcher.distances), out)
        seconds = numpy.maximum(searcher.seconds() - overhead, 1e-9)
        found = [len(set(want) & set(got)) for want, got in zip(truth.tolist(), searcher.ids.tolist())]
        print(f"beam {rest} recall {sum(found) / truth.size:.5f} qps {len(seconds) / seconds.sum():.2f} "
              f"p50_us {percentile(seconds, 0.5) * 1e6:.2f} p99_us {percentile(seconds, 0.99) * 1e6:.2f}", flush=True)


main()
