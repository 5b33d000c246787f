"""The Python drivers: what an application does with them, from the first connection to a restart of the server under it."""
import datetime
import decimal
import random
import uuid

import cassandra
from cassandra import ConsistencyLevel, InvalidRequest
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.protocol import SyntaxException
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, SimpleStatement, dict_factory
from cassandra.util import Duration

from checks import arguments, check, equal, eventually, raises, restart_server, run

PAGED_ROWS = 2000


class Context:
    """One session to a cluster object, for good: where there are two, a driver may never replace the pool that a restart
    of the server closed (scylladb/python-driver #1027)."""

    def __init__(self, args):
        self.args = args
        self.cluster = self.new_cluster()
        self.session = self.cluster.connect()

    def new_cluster(self, **options):
        if self.args.protocol:
            options["protocol_version"] = int(self.args.protocol)
        if self.args.compression:
            options["compression"] = False if self.args.compression == "none" else self.args.compression
        return Cluster(["127.0.0.1"], port=self.args.port, **options)


@check
def connect(c):
    row = c.session.execute("SELECT cluster_name, release_version, data_center, rack FROM system.local").one()
    equal((row.release_version, row.data_center, row.rack), ("5.0.0", "datacenter1", "rack1"))
    if c.args.expect_version:
        equal(c.cluster.protocol_version, int(c.args.expect_version))
    assert "system_schema" in c.cluster.metadata.keyspaces
    assert "local" in c.cluster.metadata.keyspaces["system"].tables
    equal(len(c.cluster.metadata.all_hosts()), 1)


@check
def credentials_do_no_harm(c):
    with c.new_cluster(auth_provider=PlainTextAuthProvider("anyone", "anything")) as cluster:
        assert cluster.connect().execute("SELECT key FROM system.local").one().key == "local"


@check
def ddl_and_metadata(c):
    run_ddl = c.session.execute
    run_ddl("CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    run_ddl("CREATE KEYSPACE IF NOT EXISTS shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    run_ddl("CREATE TYPE shop.address (street text, numbers frozen<list<int>>)")
    run_ddl("""CREATE TABLE shop.orders (region text, customer int, day date, seq int, note text static, home frozen<address>,
               total decimal, tags set<text>, PRIMARY KEY ((region, customer), day, seq))
               WITH CLUSTERING ORDER BY (day DESC, seq ASC) AND comment = 'orders' AND gc_grace_seconds = 100""")
    table = c.cluster.metadata.keyspaces["shop"].tables["orders"]
    equal([column.name for column in table.partition_key], ["region", "customer"])
    equal([column.name for column in table.clustering_key], ["day", "seq"])
    equal([column.is_reversed for column in table.clustering_key], [True, False])
    equal(table.columns["note"].is_static, True)
    equal(table.columns["home"].cql_type, "frozen<address>")
    equal(table.options["gc_grace_seconds"], 100)
    assert "CLUSTERING ORDER BY (day DESC, seq ASC)" in table.export_as_string()
    run_ddl("ALTER TABLE shop.orders ADD extra bigint")
    assert "extra" in c.cluster.metadata.keyspaces["shop"].tables["orders"].columns
    run_ddl("ALTER TABLE shop.orders DROP extra")
    assert "extra" not in c.cluster.metadata.keyspaces["shop"].tables["orders"].columns
    equal(list(c.cluster.metadata.keyspaces["shop"].user_types), ["address"])
    run_ddl("CREATE TABLE shop.vectors (id int PRIMARY KEY, v vector<float, 3>)")
    run_ddl("CREATE CUSTOM INDEX by_v ON shop.vectors (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'cosine'}")
    equal(list(c.cluster.metadata.keyspaces["shop"].tables["vectors"].indexes), ["by_v"])
    run_ddl("DROP INDEX shop.by_v")
    equal(list(c.cluster.metadata.keyspaces["shop"].tables["vectors"].indexes), [])
    run_ddl("DROP TABLE shop.vectors")
    run_ddl("DROP TABLE IF EXISTS shop.vectors")
    assert "vectors" not in c.cluster.metadata.keyspaces["shop"].tables


@check
def schema_events_reach_other_clients(c):
    with c.new_cluster() as other:
        other.connect()
        c.session.execute("CREATE TABLE shop.pushed (id int PRIMARY KEY)")
        eventually(lambda: "pushed" in other.metadata.keyspaces["shop"].tables)
        c.session.execute("DROP TABLE shop.pushed")
        eventually(lambda: "pushed" not in other.metadata.keyspaces["shop"].tables)


@check
def restart_under_an_open_session(c):
    c.session.execute("CREATE TABLE shop.kept (id int PRIMARY KEY, t text)")
    insert = c.session.prepare("INSERT INTO shop.kept (id, t) VALUES (?, ?)")
    c.session.execute(insert, (1, "before"))
    restart_server()
    eventually(lambda: c.session.execute("SELECT t FROM shop.kept WHERE id = 1").one().t == "before", 60)
    c.session.execute(insert, (2, "after"))
    equal(sorted(c.session.execute("SELECT id FROM shop.kept").all()), [(1,), (2,)])
    assert "orders" in c.cluster.metadata.keyspaces["shop"].tables


# Every scalar: type -> values there and back.
SCALARS = {
    "ascii": ["", "plain"], "bigint": [-2**63, 2**63 - 1], "blob": [b"", b"\x00\xff"], "boolean": [True, False],
    "date": [datetime.date(1969, 1, 1), datetime.date(2024, 2, 29)], "decimal": [decimal.Decimal("-1.50"), decimal.Decimal("1e20")],
    "double": [1.5, -0.0, 1e300], "float": [0.5, -3.25], "inet": ["127.0.0.1", "::1"], "int": [-2**31, 2**31 - 1],
    "smallint": [-2**15, 2**15 - 1], "text": ["", "häß, 日本 'quoted'"], "time": [datetime.time(23, 59, 59, 999999)],
    "timestamp": [datetime.datetime(1969, 12, 31, 23, 59, 59, 999000), datetime.datetime(2024, 5, 6, 7, 8, 9, 123000)],
    "timeuuid": [uuid.uuid1()], "tinyint": [-128, 127], "uuid": [uuid.uuid4()], "varchar": ["v"], "varint": [0, -129, 2**200],
    "duration": [Duration(14, 3, 5), Duration(-1, -2, -3)],
}
# Key types that CQL refuses.
NO_KEYS = {"duration"}


def plain(value):
    """Driver values in a form that compares: util.Date and util.Time become datetime's."""
    for method in ("date", "time"):
        if type(value).__module__ == "cassandra.util" and callable(getattr(value, method, None)):
            return getattr(value, method)()
    return value


@check
def every_scalar_there_and_back(c):
    for name, values in SCALARS.items():
        c.session.execute(f"CREATE TABLE shop.s_{name} (id int PRIMARY KEY, v {name}, l list<{name}>)")
        insert = c.session.prepare(f"INSERT INTO shop.s_{name} (id, v, l) VALUES (?, ?, ?)")
        select = c.session.prepare(f"SELECT v, l FROM shop.s_{name} WHERE id = ?")
        for number, value in enumerate([*values, None]):
            c.session.execute(insert, (number, value, None if value is None else [value, value]))
            row = c.session.execute(select, (number,)).one()
            equal((name, plain(row.v)), (name, value))
            equal([plain(v) for v in row.l or []], [] if value is None else [value, value])


@check
def every_scalar_as_a_key(c):
    for name, values in SCALARS.items():
        if name in NO_KEYS:
            continue
        c.session.execute(f"CREATE TABLE shop.k_{name} (a {name}, b {name}, v int, PRIMARY KEY (a, b))")
        insert = c.session.prepare(f"INSERT INTO shop.k_{name} (a, b, v) VALUES (?, ?, ?)")
        keys = [value for value in values if value not in ("", b"")]
        for number, value in enumerate(keys):
            c.session.execute(insert, (keys[0], value, number))
        select = c.session.prepare(f"SELECT b, v FROM shop.k_{name} WHERE a = ? AND b = ?")
        for number, value in enumerate(keys):
            row = c.session.execute(select, (keys[0], value)).one()
            equal((name, plain(row.b), row.v), (name, value, number))


@check
def collections_tuples_types_and_vectors(c):
    c.session.execute("""CREATE TABLE shop.rich (id int PRIMARY KEY, l list<int>, s set<text>, m map<text, int>, fl frozen<list<int>>,
        nested map<int, frozen<list<text>>>, t tuple<int, text, boolean>, u frozen<address>, mu address, v vector<float, 3>,
        vt vector<int, 2>)""")

    class Address:
        def __init__(self, street, numbers):
            self.street, self.numbers = street, numbers

    insert = c.session.prepare("INSERT INTO shop.rich (id, l, s, m, fl, nested, t, u, mu, v, vt) VALUES (?,?,?,?,?,?,?,?,?,?,?)")
    address = Address("Main", [1, 2])
    c.session.execute(insert, (1, [3, 1, 3], {"b", "a"}, {"k": 1, "j": 2}, [9], {5: ["x", "y"]}, (1, "t", None), address, address,
                               [1.0, 2.5, -3.0], [7, 8]))
    row = c.session.execute("SELECT * FROM shop.rich WHERE id = 1").one()
    equal(row.l, [3, 1, 3])
    equal(list(row.s), ["a", "b"])
    equal(dict(row.m), {"j": 2, "k": 1})
    equal(row.fl, [9])
    equal({key: list(value) for key, value in row.nested.items()}, {5: ["x", "y"]})
    equal(tuple(row.t), (1, "t", None))
    equal((row.u.street, list(row.u.numbers)), ("Main", [1, 2]))
    equal((row.mu.street, list(row.mu.numbers)), ("Main", [1, 2]))
    equal(list(row.v), [1.0, 2.5, -3.0])
    equal(list(row.vt), [7, 8])
    for statement in ("UPDATE shop.rich SET l = l + [4], s = s - {'a'}, m['n'] = 3 WHERE id = 1",
                      "UPDATE shop.rich SET l = [0] + l, s = s + {'c'} WHERE id = 1", "DELETE m['k'] FROM shop.rich WHERE id = 1",
                      "UPDATE shop.rich SET l[1] = 33, mu.street = 'Side' WHERE id = 1"):
        c.session.execute(statement)
    row = c.session.execute("SELECT l, s, m, mu FROM shop.rich WHERE id = 1").one()
    equal((row.l, list(row.s), dict(row.m), row.mu.street), ([0, 33, 1, 3, 4], ["b", "c"], {"j": 2, "n": 3}, "Side"))


@check
def simple_positional_and_named_markers(c):
    c.session.execute("CREATE TABLE shop.marks (id int PRIMARY KEY, a text, b text)")
    c.session.execute("INSERT INTO shop.marks (id, a, b) VALUES (%s, %s, %s)", (1, "it's", None))
    c.session.execute("INSERT INTO shop.marks (id, a, b) VALUES (%(id)s, %(x)s, %(x)s)", {"id": 2, "x": "named"})
    named = c.session.prepare("INSERT INTO shop.marks (id, a, b) VALUES (:id, :x, :y)")
    equal([marker.name for marker in named.column_metadata], ["id", "x", "y"])
    c.session.execute(named, {"id": 3, "y": "yy", "x": "xx"})
    rows = {row.id: (row.a, row.b) for row in c.session.execute("SELECT * FROM shop.marks")}
    equal(rows, {1: ("it's", None), 2: ("named", "named"), 3: ("xx", "yy")})
    extras = c.session.prepare("UPDATE shop.marks USING TTL ? AND TIMESTAMP ? SET a = ? WHERE id = ?")
    equal([marker.name for marker in extras.column_metadata], ["[ttl]", "[timestamp]", "a", "id"])
    equal(extras.routing_key_indexes, [3])
    limit = c.session.prepare("SELECT id FROM shop.marks WHERE id IN ? LIMIT ?")
    equal([marker.name for marker in limit.column_metadata], ["in(id)", "[limit]"])
    equal(len(c.session.execute(limit, ([1, 2, 3], 2)).all()), 2)


@check
def unset_values_write_nothing(c):
    insert = c.session.prepare("INSERT INTO shop.marks (id, a, b) VALUES (?, ?, ?)")
    c.session.execute(insert, (4, "kept", "kept"))
    c.session.execute(insert, (4, UNSET_VALUE, None))
    equal(tuple(c.session.execute("SELECT a, b FROM shop.marks WHERE id = 4").one()), ("kept", None))
    c.session.execute(insert, (4,))
    equal(c.session.execute("SELECT a FROM shop.marks WHERE id = 4").one().a, "kept")


@check
def batches(c):
    c.session.execute("CREATE TABLE shop.batched (p int, k int, v text, PRIMARY KEY (p, k))")
    insert = c.session.prepare("INSERT INTO shop.batched (p, k, v) VALUES (?, ?, ?)")
    for kind in (BatchType.LOGGED, BatchType.UNLOGGED):
        batch = BatchStatement(batch_type=kind)
        for k in range(50):
            batch.add(insert, (kind.value, k, f"v{k}"))
        batch.add("INSERT INTO shop.batched (p, k, v) VALUES (%s, 1000, 'simple')", (kind.value,))
        batch.add(SimpleStatement(f"DELETE FROM shop.batched WHERE p = {kind.value} AND k = 7"))
        c.session.execute(batch)
        equal(c.session.execute(f"SELECT count(*) FROM shop.batched WHERE p = {kind.value}").one()[0], 50)
    c.session.execute("BEGIN BATCH INSERT INTO shop.batched (p, k, v) VALUES (9, 1, 'a'); UPDATE shop.batched SET v = 'b' "
                      "WHERE p = 9 AND k = 2; APPLY BATCH")
    equal(len(c.session.execute("SELECT * FROM shop.batched WHERE p = 9").all()), 2)
    c.session.execute("CREATE TABLE shop.counted (id int PRIMARY KEY, n counter)")
    add = c.session.prepare("UPDATE shop.counted SET n = n + ? WHERE id = 1")
    counters = BatchStatement(batch_type=BatchType.COUNTER)
    counters.add(add, (5,))
    counters.add(add, (-2,))
    c.session.execute(counters)
    equal(c.session.execute("SELECT n FROM shop.counted WHERE id = 1").one().n, 3)


@check
def paging(c):
    c.session.execute("CREATE TABLE shop.paged (p int, k int, v text, PRIMARY KEY (p, k))")
    insert = c.session.prepare("INSERT INTO shop.paged (p, k, v) VALUES (?, ?, ?)")
    wanted = {(n % 7, n) for n in range(PAGED_ROWS)}
    for ok, result in execute_concurrent_with_args(c.session, insert, [(p, k, "x" * 20) for p, k in wanted], concurrency=64):
        assert ok, result
    for size in (37, 500, 5000):
        rows = list(c.session.execute(SimpleStatement("SELECT p, k FROM shop.paged", fetch_size=size)))
        equal(len(rows), PAGED_ROWS)
        equal({tuple(row) for row in rows}, wanted)
    first = c.session.execute(SimpleStatement("SELECT k FROM shop.paged WHERE p = 3 ORDER BY k DESC", fetch_size=50))
    equal(len(first.current_rows), 50)
    with c.new_cluster() as other:
        statement = SimpleStatement("SELECT k FROM shop.paged WHERE p = 3 ORDER BY k DESC", fetch_size=50)
        second = other.connect().execute(statement, paging_state=first.paging_state)
        keys = [row.k for row in first.current_rows] + [row.k for row in second]
    equal(keys, sorted((k for p, k in wanted if p == 3), reverse=True))
    equal(len(list(c.session.execute(SimpleStatement("SELECT k FROM shop.paged LIMIT 120", fetch_size=50)))), 120)


@check
def errors_by_class(c):
    query = c.session.execute
    raises(SyntaxException, query, "SELEKT 1", text="line 1:0")
    raises(InvalidRequest, query, "SELECT * FROM shop.nowhere", text="nowhere")
    raises(InvalidRequest, query, "SELECT nope FROM shop.marks", text="nope")
    raises(InvalidRequest, query, "SELECT * FROM nowhere.t", text="nowhere")
    raises(InvalidRequest, query, "INSERT INTO shop.marks (a) VALUES ('x')", text="id")
    raises(InvalidRequest, query, "INSERT INTO shop.marks (id, a) VALUES ('x', 'y')", text="id")
    raises(InvalidRequest, query, "SELECT * FROM shop.marks WHERE a = 'x'", text="ALLOW FILTERING")
    raises(cassandra.AlreadyExists, query, "CREATE TABLE shop.marks (id int PRIMARY KEY)", text="marks")
    raises(cassandra.AlreadyExists, query,
           "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}", text="shop")
    raises(InvalidRequest, query, "SELECT * FROM shop.marks WHERE id = ?")
    raises(InvalidRequest, query, "DESCRIBE TABLE shop.nowhere", text="Table 'nowhere' not found in keyspace 'shop'")
    equal(query("DESCRIBE TABLE shop.marks").one().create_statement[:25], "CREATE TABLE shop.marks (")
    raises(InvalidRequest, c.session.prepare, "SELECT * FROM shop.nowhere WHERE id = ?")
    equal(query("SELECT a FROM shop.marks WHERE id = 1").one().a, "it's")


@check
def timestamps_ttls_and_consistencies(c):
    c.session.execute("INSERT INTO shop.marks (id, a) VALUES (20, 'late') USING TIMESTAMP 2000000000000000")
    c.session.execute("INSERT INTO shop.marks (id, a) VALUES (20, 'early') USING TIMESTAMP 1000000000000000")
    row = c.session.execute("SELECT a, writetime(a) AS w FROM shop.marks WHERE id = 20").one()
    equal((row.a, row.w), ("late", 2000000000000000))
    c.session.execute("INSERT INTO shop.marks (id, a) VALUES (21, 'x') USING TTL 100")
    left = c.session.execute("SELECT ttl(a) AS t FROM shop.marks WHERE id = 21").one().t
    assert 90 <= left <= 100, left
    for name in ("ONE", "TWO", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE"):
        level = getattr(ConsistencyLevel, name)
        c.session.execute(SimpleStatement("INSERT INTO shop.marks (id, a) VALUES (22, 'c')", consistency_level=level))
        equal(c.session.execute(SimpleStatement("SELECT a FROM shop.marks WHERE id = 22", consistency_level=level)).one().a, "c")


@check
def large_frames_both_ways(c):
    c.session.execute("CREATE TABLE shop.large (id int PRIMARY KEY, b blob)")
    insert = c.session.prepare("INSERT INTO shop.large (id, b) VALUES (?, ?)")
    noise = random.Random(7).randbytes(1_000_000)
    for number, blob in enumerate((noise, b"z" * 3_000_000, noise[:131071], b"")):
        c.session.execute(insert, (number, blob))
        got = c.session.execute("SELECT b FROM shop.large WHERE id = %s", (number,)).one().b
        assert got == blob, f"{len(blob)} bytes went, {len(got)} came back"


@check
def altered_table_seen_by_a_prepared_select(c):
    c.session.execute("CREATE TABLE shop.grown (id int PRIMARY KEY, a int)")
    select = c.session.prepare("SELECT * FROM shop.grown WHERE id = ?")
    c.session.execute("INSERT INTO shop.grown (id, a) VALUES (1, 1)")
    c.session.execute(select, (1,)).one()
    c.session.execute("ALTER TABLE shop.grown ADD b int")
    c.session.execute("INSERT INTO shop.grown (id, a, b) VALUES (1, 1, 2)")
    row = c.session.execute(select, (1,)).one()
    equal((row.id, row.a), (1, 1))
    if c.cluster.protocol_version >= 5:
        equal(row.b, 2)


@check
def keyspace_of_a_session_and_use(c):
    with c.new_cluster() as other:
        session = other.connect("shop")
        equal(session.execute("SELECT a FROM marks WHERE id = 1").one().a, "it's")
        session.execute("USE system")
        equal(session.execute("SELECT key FROM local").one().key, "local")
        raises(Exception, other.connect, "nowhere", text="nowhere")


@check
def row_factory_and_tracing_flag(c):
    with c.new_cluster() as other:
        session = other.connect("shop")
        session.row_factory = dict_factory
        equal(session.execute("SELECT id, a FROM marks WHERE id = 1", trace=True).one(), {"id": 1, "a": "it's"})


@check
def ann(c):
    c.session.execute("CREATE TABLE shop.things (id int PRIMARY KEY, colour text, v vector<float, 3>)")
    c.session.execute("CREATE CUSTOM INDEX things_v ON shop.things (v) USING 'StorageAttachedIndex' WITH OPTIONS = {'similarity_function': 'euclidean'}")
    insert = c.session.prepare("INSERT INTO shop.things (id, colour, v) VALUES (?, ?, ?)")
    for number in range(100):
        c.session.execute(insert, (number, "red" if number % 2 else "blue", [float(number), 1.0, 0.0]))
    nearest = c.session.prepare("SELECT id, similarity_euclidean(v, ?) AS score FROM shop.things ORDER BY v ANN OF ? LIMIT ?")
    rows = c.session.execute(nearest, ([10.2, 1.0, 0.0], [10.2, 1.0, 0.0], 3)).all()
    equal([row.id for row in rows], [10, 11, 9])
    assert abs(rows[0].score - 1 / 1.04) < 1e-5, rows[0].score
    filtered = c.session.prepare("SELECT id FROM shop.things WHERE colour = ? ORDER BY v ANN OF ? LIMIT 3")
    equal([row.id for row in c.session.execute(filtered, ("red", [10.2, 1.0, 0.0]))], [11, 9, 13])
    c.session.execute("DELETE FROM shop.things WHERE id = 10")
    c.session.execute(insert, (50, "blue", [10.0, 1.0, 0.0]))
    equal([row.id for row in c.session.execute(nearest, ([10.2, 1.0, 0.0], [10.2, 1.0, 0.0], 2))], [50, 11])
    raises(InvalidRequest, c.session.execute, "SELECT id FROM shop.things ORDER BY v ANN OF [1,2] LIMIT 3", text="expected 3 elements")
    raises(InvalidRequest, c.session.execute, "SELECT id FROM shop.things ORDER BY v ANN OF [1,2,3]", text="limit")
    raises(InvalidRequest, c.session.execute, "SELECT id FROM shop.things ORDER BY v ANN OF [1,2,3] LIMIT 1001", text="1000")
    restart_server()
    eventually(lambda: [row.id for row in c.session.execute(nearest, ([10.2, 1.0, 0.0], [10.2, 1.0, 0.0], 2))] == [50, 11], 60)


@check
def truncate_and_drop(c):
    c.session.execute("TRUNCATE shop.things")
    equal(c.session.execute("SELECT id FROM shop.things ORDER BY v ANN OF [1,2,3] LIMIT 3").all(), [])
    c.session.execute("DROP KEYSPACE shop")
    assert "shop" not in c.cluster.metadata.keyspaces
    raises(InvalidRequest, c.session.execute, "SELECT * FROM shop.marks")


if __name__ == "__main__":
    run(Context(arguments(protocol=None, compression=None, expect_version=None)))
