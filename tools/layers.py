#!/usr/bin/env python3
"""Draws the libraries by layer, from the file that configuring writes: `./x layers`."""
import sys

rows = [line.rstrip("\n").split("\t") for line in open(sys.argv[1], encoding="utf-8")]
layers = {}
for layer, name, dependencies in rows:
    layers.setdefault(int(layer), []).append((name, dependencies.split()))
for layer in sorted(layers, reverse=True):
    print(f"layer {layer}")
    for name, dependencies in sorted(layers[layer]):
        ours = [d.removeprefix("sagitta::") for d in dependencies if d.startswith("sagitta::")]
        others = [d for d in dependencies if not d.startswith("sagitta::")]
        line = f"  {name:8s} -> {' '.join(ours) or '-'}"
        print(line + (f"   [{' '.join(others)}]" if others else ""))
