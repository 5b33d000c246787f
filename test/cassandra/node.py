"""The Cassandra to compare with: one that runs already, or one that a script beside the checkout starts."""
import os
import pathlib
import shutil
import socket
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT.parent / "shared" / "tools" / "parts" / "cassandra"
FOLDER = ROOT / "build" / "cassandra"
PORTS = 4  # in a row: CQL, storage, JMX, storage over TLS
# Schema changes of thousands of tables are not worth a flush each.
QUICK = "-Dcassandra.test.flush_local_schema_changes=false -Dcassandra.unsafesystem=true"
SETTINGS = {"CASSANDRA_HEAP": "1G", "CASSANDRA_OPTS": QUICK}


class Missing(Exception):
    """There is no Cassandra to be had here; the text says why."""


def _free_ports():
    for base in range(17000, 19000, PORTS):
        sockets = []
        try:
            for port in range(base, base + PORTS):
                sockets.append(socket.create_server(("127.0.0.1", port)))
            return base
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise Missing("no four free ports in a row from 17000 on")


class Node:
    """Use as `with Node() as node:`; `node.port` answers CQL. With `port`: the node there, which is left running.
    `settings` are the script's; the environment wins."""

    def __init__(self, port=None, settings=SETTINGS):
        self.port, self.is_ours, self.settings = port, port is None, settings
        self.folder = FOLDER / "node"

    def _script(self, verb):
        environment = {**self.settings, **os.environ}
        done = subprocess.run(["bash", SCRIPT, verb, self.folder, str(self.port)], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise Missing(f"Cassandra could not {verb}: {' '.join(done.stdout.split())[-400:]}")

    def process(self):
        """The number of the process of a node of ours."""
        return int((self.folder / "pid").read_text())

    def __enter__(self):
        if self.is_ours:
            if not SCRIPT.exists():
                raise Missing(f"no {SCRIPT.relative_to(ROOT.parent)} beside the checkout to start a Cassandra with")
            shutil.rmtree(self.folder, ignore_errors=True)
            self.port = _free_ports()
            self._script("start")
        return self

    def __exit__(self, *_):
        if self.is_ours:
            self._script("stop")
