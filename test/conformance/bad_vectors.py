"""Vectors that no index can hold, as rows and as queries: each is refused by name and position, and costs the server nothing."""
from cassandra import InvalidRequest
from cassandra.cluster import Cluster

from checks import arguments, check, equal, raises, run

NAN, INFINITY = float("nan"), float("inf")
METRICS = ("cosine", "euclidean", "dot_product")
GOOD_QUERIES = 100


def table(session, metric):
    session.execute(f"CREATE TABLE bad.{metric} (id int PRIMARY KEY, v vector<float, 3>)")
    session.execute(f"CREATE CUSTOM INDEX {metric}_v ON bad.{metric} (v) USING 'vector_index' WITH OPTIONS = {{'similarity_function': '{metric}'}}")
    insert = session.prepare(f"INSERT INTO bad.{metric} (id, v) VALUES (?, ?)")
    for number in range(1, 21):
        session.execute(insert, (number, [float(number), 1.0, 0.5]))
    return insert, session.prepare(f"SELECT id FROM bad.{metric} ORDER BY v ANN OF ? LIMIT 5")


def bad_vectors_of(metric):
    yield [1.0, NAN, 0.0], "v", "1"
    yield [1.0, 0.0, INFINITY], "v", "2"
    yield [-INFINITY, 0.0, 0.0], "v", "0"
    if metric == "cosine":
        yield [0.0, 0.0, 0.0], "v", "zero"
        yield [-0.0, 0.0, 0.0], "v", "zero"


@check
def keyspace(session):
    session.execute("CREATE KEYSPACE bad WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")


@check
def each_kind_is_refused_then_a_hundred_good_queries(session):
    for metric in METRICS:
        insert, search = table(session, metric)
        for vector, column, position in bad_vectors_of(metric):
            raises(InvalidRequest, session.execute, insert, (99, vector), text=column)
            raises(InvalidRequest, session.execute, insert, (99, vector), text=position)
            raises(InvalidRequest, session.execute, search, (vector,), text=position)
        if metric != "cosine":
            session.execute(insert, (50, [0.0, 0.0, 0.0]))
            session.execute(search, ([0.0, 0.0, 0.0],))
            session.execute(f"DELETE FROM bad.{metric} WHERE id = 50")
        for number in range(GOOD_QUERIES):
            equal(len(session.execute(search, ([1.0 + number % 20, 1.0, 0.5],)).all()), 5)
        equal(session.execute(f"SELECT id FROM bad.{metric} WHERE id = 99").one(), None)


@check
def wrong_dimensions_and_literals(session):
    for literal, text in (("[1, 2]", "3"), ("[1, 2, 3, 4]", "3"), ("[]", "3"), ("'text'", "v"), ("[1, 'a', 3]", "v")):
        raises(InvalidRequest, session.execute, f"INSERT INTO bad.cosine (id, v) VALUES (99, {literal})", text=text)
    raises(InvalidRequest, session.execute, "INSERT INTO bad.cosine (id, v) VALUES (99, [1, NaN, 3])", text="1")
    raises(InvalidRequest, session.execute, "SELECT id FROM bad.cosine ORDER BY id ANN OF [1, 2, 3] LIMIT 1")
    equal(session.execute("SELECT id FROM bad.cosine WHERE id = 99").one(), None)


@check
def a_bad_vector_in_a_batch_writes_none_of_it(session):
    raises(InvalidRequest, session.execute, "BEGIN BATCH INSERT INTO bad.cosine (id, v) VALUES (98, [1,1,1]); "
           "INSERT INTO bad.cosine (id, v) VALUES (99, [0,0,0]); APPLY BATCH", text="zero")
    equal(session.execute("SELECT id FROM bad.cosine WHERE id = 98").one(), None)


@check
def rows_before_the_index_stay_rows(session):
    session.execute("CREATE TABLE bad.before (id int PRIMARY KEY, v vector<float, 2>)")
    insert = session.prepare("INSERT INTO bad.before (id, v) VALUES (?, ?)")
    for number, vector in enumerate(([1.0, 0.0], [0.0, 0.0], [NAN, 1.0], [0.0, 1.0])):
        session.execute(insert, (number, vector))
    session.execute("CREATE CUSTOM INDEX before_v ON bad.before (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'cosine'}")
    for _ in range(GOOD_QUERIES):
        equal([row.id for row in session.execute("SELECT id FROM bad.before ORDER BY v ANN OF [1, 0.1] LIMIT 10")], [0, 3])
    equal(session.execute("SELECT count(*) FROM bad.before").one()[0], 4)


if __name__ == "__main__":
    run(Cluster(["127.0.0.1"], port=arguments().port).connect())
