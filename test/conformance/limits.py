"""Clients that ask for more than there is, on a server with little memory and one worker: they are told so, and all others go on."""
import re
import select
import socket
import struct
import threading
import time

from bare import ERROR, OVERLOADED, QUERY, Connection, ask, frame, page, query_body, segment
from checks import arguments, check, equal, eventually, run

MIB = 1 << 20
ANNOUNCED = 200 * MIB
KEYSPACE = "CREATE KEYSPACE limits WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"


def readable(c):
    return bool(select.select([c.socket], [], [], 0)[0])


def trickle_until_refused(c, version):
    """Sends a frame's bytes until the server answers; returns how many went."""
    header = frame(QUERY, version=version, stream=9, length=ANNOUNCED)
    c.send(header if version == 4 else segment(header, False))
    piece = b"x" * 131071
    piece = piece if version == 4 else segment(piece, False)
    sent = 0
    while not readable(c) and sent < ANNOUNCED // 131071:
        c.send(piece)
        sent += 1
    return sent * 131071


@check
def a_frame_that_memory_cannot_hold_is_overloaded_and_skipped(port, http_port):
    steady, greedy = Connection(port, 4), Connection(port, 4)
    sent = trickle_until_refused(greedy, 4)
    assert sent < 160 * MIB, sent
    equal(greedy.error()[:2], (9, OVERLOADED))
    steady.works()
    left = ANNOUNCED - sent
    while left > 0:
        greedy.send(b"x" * min(left, MIB))
        left -= MIB
    greedy.works()


@check
def the_same_in_segments(port, http_port):
    steady, greedy = Connection(port, 4), Connection(port, 5)
    assert trickle_until_refused(greedy, 5) < 160 * MIB
    payload = greedy.receive_segment()
    equal(struct.unpack(">BBhB", payload[:5])[2:], (9, ERROR))
    equal(struct.unpack(">i", payload[9:13])[0], OVERLOADED)
    steady.works()


@check
def bytes_of_vanished_clients_are_free_again(port, http_port):
    for _ in range(5):
        c = Connection(port, 4)
        c.send(frame(QUERY, length=ANNOUNCED) + b"x" * 50 * MIB)
        assert not readable(c), "50 MiB must fit each time"
        c.socket.close()
        time.sleep(0.1)
    Connection(port, 4).works()


@check
def an_http_client_that_never_reads_is_not_read_on(port, http_port):
    with socket.create_connection(("127.0.0.1", http_port)) as s:
        s.settimeout(1)
        burst = b"GET /metrics HTTP/1.1\r\n\r\n" * 40_000
        sent = 0
        try:
            while sent < 60 * MIB:
                sent += s.send(burst)
        except TimeoutError:
            pass
        assert sent < 60 * MIB, "the server read all that was sent"
        equal(page(http_port, "/healthz")[0], 200)
    with socket.create_connection(("127.0.0.1", http_port), timeout=10) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 20_000)
        assert s.recv(100).startswith(b"HTTP/1.1 431"), "headers without an end"


@check
def one_worker_builds_an_index_while_it_reads_and_writes(port, http_port):
    c = Connection(port, 4)
    ask(c, KEYSPACE)
    ask(c, "CREATE TABLE limits.t (k int PRIMARY KEY, v vector<float, 64>)")
    for k in range(0, 4000, 50):
        rows = "".join(f"INSERT INTO limits.t (k, v) VALUES ({n}, [{n}" + ",1" * 63 + "]);" for n in range(k, k + 50))
        ask(c, f"BEGIN UNLOGGED BATCH {rows} APPLY BATCH")
    stop, counted, failures = threading.Event(), [], []

    def read():
        try:
            mine = Connection(port, 4)
            while not stop.is_set():
                counted.append(struct.unpack(">q", ask(mine, "SELECT count(*) FROM limits.t")[-8:])[0])
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    ask(c, "CREATE CUSTOM INDEX i ON limits.t (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'euclidean'}")
    near = "SELECT k FROM limits.t ORDER BY v ANN OF [4000" + ",1" * 63 + "] LIMIT 1"
    for k in range(4000, 4050):
        ask(c, f"INSERT INTO limits.t (k, v) VALUES ({k}, [{k}" + ",1" * 63 + "])")
        equal(struct.unpack(">i", ask(c, near)[-4:])[0], 4000)
    eventually(lambda: re.search(r"indexes_building: 0$", page(http_port, "/readyz")[1], re.M), 60)
    stop.set()
    for reader in readers:
        reader.join(10)
    equal(failures, [])
    assert len(counted) >= 2 and min(counted) >= 4000, counted
    equal(page(http_port, "/readyz")[0], 200)


def metric(http_port, name):
    found = re.search(rf"^{name} (\S+)$", page(http_port, "/metrics")[1], re.M)
    return float(found.group(1)) if found else 0


@check
def work_for_a_client_that_left_is_not_done(port, http_port):
    """Fifty reads of 4,051 rows wait for one worker when their client is gone: few are done."""
    c, steady = Connection(port, 4), Connection(port, 4)
    wide, abandoned = "sagitta_reads_wide_total", "sagitta_reads_abandoned_total"
    equal(metric(http_port, abandoned), 0)
    before = metric(http_port, wide)
    query = query_body("SELECT count(*) FROM limits.t")
    c.send(b"".join(frame(QUERY, query, stream=n) for n in range(50)))
    eventually(lambda: metric(http_port, wide) >= before + 50)
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.socket.close()
    eventually(lambda: metric(http_port, abandoned) >= 1)
    steady.works()
    eventually(lambda: b"count" not in ask(steady, "SELECT task FROM system_views.queries"))


if __name__ == "__main__":
    options = arguments(http_port=None)
    run(options.port, int(options.http_port))
