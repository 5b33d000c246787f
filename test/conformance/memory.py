"""A load that wants four times the memory that the server may have: what fits is kept and served, and the process stays within."""
import os
import random
import re
import struct

from bare import EXECUTE, OVERLOADED, PREPARE, RESULT, Connection, ask, frame, page
from checks import arguments, check, equal, run

MIB = 1 << 20


def prepare(c, text):
    c.send(frame(PREPARE, struct.pack(">i", len(text)) + text.encode()))
    _, opcode, body = c.receive()
    equal(opcode, RESULT)
    length = struct.unpack(">H", body[4:6])[0]
    return body[6:6 + length]


def high_water_bytes(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024


@check
def an_index_fills_memory_and_no_more(port, http_port, pid):
    """Four times what fits is written: what fits is kept and found, the rest is refused by name and number."""
    c = Connection(port, 4)
    dim = 1500
    ask(c, "CREATE KEYSPACE memory WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    ask(c, f"CREATE TABLE memory.filled (k int PRIMARY KEY, v vector<float, {dim}>)")
    ask(c, "CREATE CUSTOM INDEX f ON memory.filled (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'euclidean'}")
    insert = prepare(c, "INSERT INTO memory.filled (k, v) VALUES (?, ?)")
    generator = random.Random(7)
    shapes = [[generator.random() for _ in range(dim)] for _ in range(64)]

    def vector(k):
        values = list(shapes[k % 64])
        values[k % dim] += 0.5 + k / 1e5
        return struct.pack(f">{dim}f", *values)

    def send(k):
        value = vector(k)
        cells = struct.pack(">ii", 4, k) + struct.pack(">i", len(value)) + value
        c.send(frame(EXECUTE, struct.pack(">H", len(insert)) + insert + struct.pack(">HBH", 1, 1, 2) + cells, stream=k % 30_000))

    kept, refused, under_way, told = [], 0, 0, b""
    for k in range(4 * 256 * MIB // (4 * dim) + 64):
        if refused == 0 or k % 8 == 0:  # of those that cannot fit some will do
            send(k)
            under_way += 1
        while under_way > 32 or (under_way and k >= 4 * 256 * MIB // (4 * dim)):
            stream, opcode, body = c.receive()
            under_way -= 1
            if opcode != RESULT:
                refused, told = refused + 1, body
            elif refused == 0:
                kept.append(stream)
    assert 10_000 < len(kept) < 30_000 and refused > 1_000, (len(kept), refused)
    equal(struct.unpack(">i", told[:4])[0], OVERLOADED)
    assert b"no room for" in told and re.search(rb"[0-9]{9} in use", told), told
    asked, found = kept[:: len(kept) // 40], 0
    for k in asked:
        near = ",".join(map(str, struct.unpack(f">{dim}f", vector(k))))
        nearest = ask(c, f"SELECT k FROM memory.filled ORDER BY v ANN OF [{near}] LIMIT 10")[-80:]
        found += k in struct.unpack(">" + "ii" * 10, nearest)[1::2]
    # Three hundred rows about each shape differ in one place each: some others are nearer by their codes.
    assert found >= 0.6 * len(asked), f"{found} of {len(asked)}"
    state = page(http_port, "/readyz")[1]
    assert re.search(r"indexes_full: 0$", state, re.M), state
    assert high_water_bytes(pid) <= 256 * MIB * 11 // 10, f"{high_water_bytes(pid) / MIB:.0f} MiB"
    print(f"   high water {high_water_bytes(pid) / MIB:.0f} MiB of 256")


if __name__ == "__main__":
    options = arguments(http_port=None)
    run(options.port, int(options.http_port), int(os.environ["SERVER_PID"]))
