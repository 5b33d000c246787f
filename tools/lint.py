#!/usr/bin/env python3
"""The static checks: formatting, habits, layers, stand-alone headers, Clang's opinion. Prints what is wrong; status 0 if nothing."""
import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
JOBS = 2
LINE_LENGTH_MAX = 120


def tracked(*patterns):
    listing = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).exists()]


def formatting():
    files = [str(f) for f in tracked("*.h", "*.cc")]
    result = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *files], capture_output=True, text=True)
    return sorted({line for line in result.stderr.splitlines() if "error:" in line})


def habits():
    problems = []
    for file in tracked("*.h", "*.cc", "*.py", "*.cmake"):
        name = file.relative_to(ROOT)
        if name == pathlib.Path("tools/lint.py"):
            continue
        text = file.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > LINE_LENGTH_MAX and file.suffix in (".h", ".cc"):
                problems.append(f"{name}:{number}: {len(line)} columns, at most {LINE_LENGTH_MAX}")
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                problems.append(f"{name}:{number}: unfinished work belongs in docs/roadmap.md")
        if file.suffix == ".h" and "#pragma once" not in text:
            problems.append(f"{name}: no #pragma once")
        if "/include/sagitta/" in str(name) and not text.lstrip().startswith("///"):
            problems.append(f"{name}: a public header opens with what it is for")
    for library in sorted((ROOT / "src").iterdir()):
        if (library / "CMakeLists.txt").exists() and not (library / "README.md").exists():
            problems.append(f"src/{library.name}: no README.md")
    return problems


MEASURED = (".h", ".cc", ".py", ".cmake", ".md", ".test", ".js")


def figures():
    """What may only become better: tools/ratchets.py."""
    import ratchets
    return ratchets.check(tracked(*(f"*{suffix}" for suffix in MEASURED)))


def refused_layers():
    """Configuring must refuse a dependency upwards and one on a peer."""
    problems = []
    for wrong, deps in (("a peer", "sagitta::peer"), ("a higher layer", "sagitta::upper")):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name, layer, wants in (("peer", 1, ""), ("upper", 2, ""), ("lower", 1, deps)):
                source = folder / name
                (source / "include" / "sagitta" / name).mkdir(parents=True)
                (source / "include" / "sagitta" / name / "x.h").write_text("#pragma once\n")
                (source / "x.cc").write_text("int sagitta_%s;\n" % name)
                (source / "CMakeLists.txt").write_text(f"sagitta_library({name} LAYER {layer} DEPS {wants})\n")
            (folder / "CMakeLists.txt").write_text(
                "cmake_minimum_required(VERSION 3.25)\nproject(p CXX)\nadd_library(sagitta_warnings INTERFACE)\n"
                f"include({ROOT}/cmake/SagittaLibrary.cmake)\n"
                "add_subdirectory(peer)\nadd_subdirectory(upper)\nadd_subdirectory(lower)\n")
            done = subprocess.run(["cmake", "-G", "Ninja", "-DCMAKE_CXX_COMPILER=g++-12", "-S", folder, "-B", folder / "b"],
                                  capture_output=True, text=True)
            if done.returncode == 0 or "may not depend on" not in done.stderr:
                problems.append(f"configuring accepted a dependency on {wrong}")
    return problems


def standalone_headers():
    done = subprocess.run(["ninja", "-C", str(BUILD), "all_verify_interface_header_sets"], capture_output=True, text=True)
    if done.returncode == 0:
        return []
    return [line for line in done.stdout.splitlines() if "error" in line] or ["the check could not run: " + done.stderr[-500:]]


def own_sources():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    return sorted((c for c in commands if re.match(rf"{ROOT}/(src/\w+|apps/\w+(?:/\w+)?|bench/(?:lib|ann|load))/[^/]+$", c["file"])), key=lambda c: c["file"])


def in_parallel(check, sources):
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return sorted({line for lines in pool.map(check, sources) for line in lines})


def clang_opinion():
    """A second compiler's syntax and warnings. GCC's own warning names, and what GCC's library deprecates in itself, are passed over."""
    quiet = ["-Wno-unknown-warning-option", "-Wno-deprecated-declarations", "-fsyntax-only"]

    def check(command):
        words = shlex.split(command["command"])
        arguments = [w for w in words[words.index("-O2"):] if w != "-c"]
        includes = [w for w in words if w.startswith(("-I", "-D"))]
        includes += [w for at, word in enumerate(words) if word == "-isystem" for w in words[at:at + 2]]
        output = arguments.index("-o")
        del arguments[output:output + 2]
        done = subprocess.run(["clang++-19", *includes, *arguments, *quiet], cwd=command["directory"], capture_output=True, text=True)
        return [line for line in done.stderr.splitlines() if "warning:" in line or "error:" in line]

    return in_parallel(check, own_sources())


def clang_tidy():
    """The checks of .clang-tidy: `./x lint --tidy`. Minutes; not part of CI."""

    def check(command):
        done = subprocess.run(["clang-tidy-19", "--quiet", "-p", str(BUILD), command["file"]], capture_output=True, text=True)
        return [line for line in done.stdout.splitlines() if "warning:" in line or "error:" in line]

    return in_parallel(check, own_sources())


def main():
    import ratchets
    for option, act in (("--record", ratchets.save), ("--offences", ratchets.show)):
        if option in sys.argv[1:]:
            return act(tracked(*(f"*{suffix}" for suffix in MEASURED)))
    failed = 0
    checks = [formatting, habits, figures, refused_layers, standalone_headers, clang_opinion]
    if "--tidy" in sys.argv[1:]:
        checks.append(clang_tidy)
    for check in checks:
        started = time.monotonic()
        problems = check()
        failed += bool(problems)
        print(f"{'ok' if not problems else 'FAILED':8s}{check.__name__.replace('_', ' '):22s}"
              f"{time.monotonic() - started:6.1f} s", flush=True)
        for problem in problems[:40]:
            print("  " + problem)
    sys.exit(1 if failed else 0)


main()
