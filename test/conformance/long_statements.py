"""The longest statements of one client: each works or is refused by a limit of docs/limits.md, within memory, while another client is served."""
import os
import threading
import time

from cassandra import InvalidRequest
from cassandra.cluster import Cluster, NoHostAvailable
from cassandra.protocol import SyntaxException
from cassandra.query import BatchStatement, BatchType, SimpleStatement

from checks import arguments, check, equal, raises, run

MIB = 1 << 20
MEMORY = 1024 * MIB
MANY = 65_535
# A statement that costs the square of its length takes minutes.
SECONDS = 20


class Beside:
    """Another client, which asks all the time: the most that it waited."""

    def __init__(self, port):
        self.session = Cluster(["127.0.0.1"], port=port).connect()
        self.slowest, self.asked, self.failure = 0.0, 0, None
        threading.Thread(target=self.ask, daemon=True).start()

    def ask(self):
        try:
            while True:
                begin = time.monotonic()
                self.session.execute("SELECT key FROM system.local")
                self.slowest = max(self.slowest, time.monotonic() - begin)
                self.asked += 1
                time.sleep(0.01)
        except Exception as error:
            self.failure = error


class Context:
    def __init__(self, port):
        self.session = Cluster(["127.0.0.1"], port=port, connect_timeout=30).connect()
        self.session.default_timeout = SECONDS
        self.session.execute("CREATE KEYSPACE long WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        self.session.set_keyspace("long")
        self.session.execute("CREATE TABLE t (k int, c int, v text, PRIMARY KEY (k, c))")
        self.session.execute("CREATE TABLE sets (k int PRIMARY KEY, s set<int>, l list<int>, m map<int, int>, f frozen<set<int>>)")
        self.beside = Beside(port)

    def ask(self, text, values=None):
        return self.session.execute(text, values)

    def refused(self, kind, text, told):
        raises(kind, self.ask, text, text=told)
        equal(len(list(self.ask("SELECT key FROM system.local"))), 1)

    def warnings(self, statement):
        return self.session.execute(statement).response_future.warnings or []


def numbers(count=MANY):
    return ", ".join(map(str, range(count)))


def each(count, pattern, separator=", "):
    return separator.join(pattern.format(i) for i in range(count))


@check
def many_short_words_are_refused_before_they_become_a_tree(c):
    for text in (f"SELECT {'v,' * 8 * MIB}v FROM t", f"SELECT k FROM t WHERE k IN ({'1,' * 8 * MIB}1)",
                 f"UPDATE t SET {'v=1,' * 4 * MIB}v=1 WHERE k=1", f"CREATE TABLE w (a frozen<tuple<{'a,' * 8 * MIB}a>>)"):
        c.refused(NoHostAvailable, text, "memory budget")


@check
def values_of_in(c):
    c.ask(f"INSERT INTO t (k, c, v) VALUES ({MANY - 1}, 0, 'last')")
    equal(c.ask(f"SELECT v FROM t WHERE k IN ({numbers()})").one().v, "last")
    equal(c.ask(c.session.prepare("SELECT v FROM t WHERE k IN ?"), [list(range(MANY))]).one().v, "last")
    equal(c.ask(f"SELECT v FROM t WHERE k = {MANY - 1} AND c IN ({numbers()})").one().v, "last")


@check
def markers(c):
    text = "SELECT k FROM t WHERE k IN ({})"
    equal(len(c.session.prepare(text.format("?, " * (MANY - 1) + "?")).column_metadata), MANY)
    told = "Too many markers(?). 65536 markers exceed the allowed maximum of 65535"
    raises(InvalidRequest, c.session.prepare, text.format("?, " * MANY + "?"), text=told)


@check
def statements_of_a_batch(c):
    def inserts(key, value):
        return each(MANY, f"INSERT INTO t (k, c, v) VALUES ({key}, {{0}}, '{value}');", " ")

    for kind in ("", "UNLOGGED"):
        c.ask(f"BEGIN {kind} BATCH {inserts('1', kind)} APPLY BATCH")
        c.ask(f"BEGIN {kind} BATCH {inserts('{0}', kind)} APPLY BATCH")
    equal(c.ask("SELECT count(*) FROM t WHERE k = 1").one().count, MANY)
    equal(c.ask(f"SELECT v FROM t WHERE k = {MANY - 1} AND c = {MANY - 1}").one().v, "UNLOGGED")
    insert = c.session.prepare("INSERT INTO t (k, c, v) VALUES (?, ?, 'bound')")
    for kind in (BatchType.UNLOGGED, BatchType.LOGGED):
        batch = BatchStatement(kind)
        for i in range(MANY):
            batch.add(insert, (i % 7, i))
        c.ask(batch)
    equal(c.ask(f"SELECT v FROM t WHERE k = {(MANY - 1) % 7} AND c = {MANY - 1}").one().v, "bound")
    conditional = each(MANY, "INSERT INTO t (k, c, v) VALUES (-1, {0}, 'new') IF NOT EXISTS;", " ")
    assert c.ask(f"BEGIN BATCH {conditional} APPLY BATCH").was_applied
    c.ask("TRUNCATE t")


@check
def columns_of_a_table(c):
    c.ask(f"CREATE TABLE wide (k int PRIMARY KEY, {each(2000, 'c{0} int')})")
    c.ask(f"INSERT INTO wide (k, {each(2000, 'c{0}')}) VALUES (1, {numbers(2000)})")
    c.ask(f"UPDATE wide SET {each(2000, 'c{0} = {0}')} WHERE k = 2")
    equal([sum(row[1:]) for row in c.ask("SELECT * FROM wide")], [1_999_000] * 2)
    equal(sum(c.ask(f"SELECT {each(2000, 'c{0}')} FROM wide WHERE k = 1").one()), 1_999_000)
    c.ask(f"ALTER TABLE wide ADD ({each(2000, 'd{0} int')})")
    c.ask(f"ALTER TABLE wide DROP ({each(2000, 'd{0}')})")
    c.refused(InvalidRequest, f"CREATE TABLE wider (k int PRIMARY KEY, {each(10_000, 'c{0} int')})",
              "Table wider would have 10001 columns, the most is 10000")
    c.refused(InvalidRequest, f"ALTER TABLE wide ADD ({each(9_000, 'd{0} int')})",
              "Table wide would have 11001 columns, the most is 10000")


@check
def fields_of_a_type(c):
    c.ask(f"CREATE TYPE many ({each(2000, 'f{0} int')})")
    c.ask("CREATE TABLE typed (k int PRIMARY KEY, u many, f frozen<many>)")
    value = each(2000, "f{0}: {0}")
    c.ask("INSERT INTO typed (k, u, f) VALUES (1, {" + value + "}, {" + value + "})")
    row = c.ask("SELECT u, f FROM typed").one()
    equal((sum(row.u), sum(row.f)), (1_999_000, 1_999_000))
    c.refused(InvalidRequest, f"CREATE TYPE more ({each(10_001, 'f{0} int')})", "Type more would have 10001 fields, the most is 10000")


@check
def elements_of_a_collection(c):
    pairs = each(MANY, "{0}: {0}")
    c.ask(f"INSERT INTO sets (k, s, l, m, f) VALUES (1, {{{numbers()}}}, [{numbers()}], {{{pairs}}}, {{{numbers()}}})")
    values = list(range(MANY))
    c.ask(c.session.prepare("INSERT INTO sets (k, s, l, m, f) VALUES (2, ?, ?, ?, ?)"),
          [set(values), values, dict(zip(values, values)), set(values)])
    for row in c.ask("SELECT * FROM sets"):
        equal([len(row.s), len(row.l), len(row.m), len(row.f)], [MANY] * 4)
    c.ask(f"UPDATE sets SET l = l - [{numbers()}] WHERE k = 1")
    c.ask(f"UPDATE sets SET s = s - {{{numbers(9_000)}}}, m = m - {{{numbers(9_000)}}} WHERE k = 1")
    row = c.ask("SELECT s, l, m FROM sets WHERE k = 1").one()
    equal((len(row.s), row.l, len(row.m)), (MANY - 9_000, None, MANY - 9_000))
    c.ask(f"UPDATE sets SET {each(2000, 'm[{0}] = 7')} WHERE k = 3")
    c.ask(f"DELETE {each(1999, 'm[{0}]')} FROM sets WHERE k = 3")
    equal(dict(c.ask("SELECT m FROM sets WHERE k = 3").one().m), {1999: 7})
    c.ask("TRUNCATE sets")


@check
def nesting(c):
    def table(depth):
        return f"CREATE TABLE deep{depth} (k int PRIMARY KEY, v frozen<{'list<' * depth}int{'>' * depth}>)"

    c.ask(table(63))
    c.ask(f"INSERT INTO deep63 (k, v) VALUES (1, {'[' * 63}7{']' * 63})")
    equal(c.ask("SELECT k FROM deep63 WHERE k = 1").one().k, 1)
    c.refused(SyntaxException, table(64), "nesting deeper than 64")
    c.refused(SyntaxException, table(100_000), "nesting deeper than 64")
    c.refused(SyntaxException, f"INSERT INTO deep63 (k, v) VALUES (1, {'[' * 65}7{']' * 65})", "nesting deeper than 64")
    c.refused(SyntaxException, f"SELECT k FROM t WHERE {'(' * 100_000}", "nesting deeper than 64")
    c.refused(SyntaxException, f"SELECT k{' + 1' * 65} FROM t", "more than 64 operators in one term")
    c.refused(InvalidRequest, f"INSERT INTO deep63 JSON '{{\"k\": 1, \"v\": {'[' * 100_000}'", "more than 64 values inside each other")


@check
def comments_to_the_end_of_a_line(c):
    c.ask("INSERT INTO sets (k, m) VALUES (4, { # the first; {\n 1: 2, -- the second }\n 3: 4 # '\n})")
    equal(dict(c.ask("SELECT m FROM sets WHERE k = 4 # that's all").one().m), {1: 2, 3: 4})


@check
def errors_tell_line_and_column(c):
    c.refused(SyntaxException, "SELECT k\n  FROM t # of all\n WHERE k == 1", "line 3:10 ")
    far = "\n" * 100_000 + "SELECT k FROM t WHERE k IN (" + "1, " * 100_000 + "1) ORDER NOPE"
    raised = raises(SyntaxException, c.ask, far, text="line 100001:300031 ")
    assert len(str(raised)) < 500, raised


@check
def warnings_of_batches(c):
    def batch(kind, count, size):
        return c.warnings(f"BEGIN {kind} BATCH " + each(count, f"INSERT INTO t (k, c, v) VALUES ({{0}}, 0, '{'x' * size}');", " ") + " APPLY BATCH")

    equal(batch("UNLOGGED", 10, 10), [])
    equal(batch("", 20, 10), [])
    told, = batch("UNLOGGED", 11, 10)
    equal(told, "Unlogged batch covering 11 partitions detected against table [long.t]. You should use a logged batch for "
                "atomicity, or asynchronous writes for performance.")
    told, = batch("", 6, 1000)
    assert told.startswith("Batch for [long.t] is of size 6") and ", exceeding specified threshold of 5120 by " in told, told
    equal(len(batch("UNLOGGED", 20, 1000)), 2)
    items = BatchStatement(BatchType.UNLOGGED)
    for i in range(11):
        items.add(SimpleStatement(f"INSERT INTO t (k, c) VALUES ({i}, 1)"))
    assert c.warnings(items)[0].startswith("Unlogged batch covering 11 partitions")


@check
def warnings_of_tombstones(c):
    c.ask("BEGIN UNLOGGED BATCH " + each(1_100, "INSERT INTO t (k, c, v) VALUES (9, {0}, 'x');", " ") + " APPLY BATCH")
    c.ask("BEGIN UNLOGGED BATCH " + each(1_000, "DELETE v FROM t WHERE k = 9 AND c = {0};", " ") + " APPLY BATCH")
    query = "SELECT c FROM t WHERE k = 9 LIMIT 2000"
    equal(c.warnings(query), [])
    c.ask("DELETE v FROM t WHERE k = 9 AND c = 1000")
    told, = c.warnings(query)
    equal(told, f"Read {1100} live rows and 1001 tombstone cells for query {query}; token 3728482343045213994 "
                "(see tombstone_warn_threshold)")
    told, = c.warnings("SELECT count(*) FROM t WHERE k = 9 AND v = 'x' ALLOW FILTERING")
    assert told.startswith("Read 1100 live rows and 1001 tombstone cells for query SELECT count(*)"), told


@check
def a_long_literal_is_kept_and_one_that_no_write_holds_is_refused(c):
    c.ask("CREATE TABLE texts (k int PRIMARY KEY, v text)")
    c.ask(f"INSERT INTO texts (k, v) VALUES (0, '{'x' * 16 * MIB}')")
    equal(len(c.ask("SELECT v FROM texts WHERE k = 0").one().v), 16 * MIB)
    c.ask("DROP TABLE texts")
    equal(c.ask(f"SELECT key FROM system.local /* {'x' * 64 * MIB} */").one().key, "local")
    c.refused(InvalidRequest, f"INSERT INTO t (k, c, v) VALUES (0, 0, '{'x' * 64 * MIB}')", "bytes, the most is 67108864")


@check
def others_were_served_and_memory_was_bounded(c):
    equal(c.beside.failure, None)
    assert c.beside.asked > 100 and c.beside.slowest < 5, (c.beside.asked, c.beside.slowest)
    with open(f"/proc/{os.environ['SERVER_PID']}/status") as status:
        high = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
    # A frame of 64 MiB comes in through buffers that double; unbounded, these statements take several times as much.
    assert high <= MEMORY * 3 // 2, f"{high / MIB:.0f} MiB"
    print(f"   high water {high / MIB:.0f} MiB of {MEMORY // MIB}; another client waited {c.beside.slowest:.2f} s at most")


if __name__ == "__main__":
    run(Context(arguments().port))
