"""The first article that users follow: products with a 128-d embedding, an index of the SASI class, WHERE ... ANN OF."""
import random

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster

from checks import arguments, check, equal, run

DIM, PRODUCTS = 128, 200


def embedding(seed):
    source = random.Random(seed)
    return [source.uniform(-1, 1) for _ in range(DIM)]


@check
def keyspace_table_and_index(session):
    session.execute("CREATE KEYSPACE IF NOT EXISTS store WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    session.set_keyspace("store")
    session.execute(f"CREATE TABLE IF NOT EXISTS products (id UUID PRIMARY KEY, name TEXT, price DECIMAL, number INT, embedding VECTOR<FLOAT, {DIM}>)")
    session.execute("CREATE CUSTOM INDEX IF NOT EXISTS ON products(embedding) USING 'org.apache.cassandra.index.sasi.SASIIndex' WITH OPTIONS = {'mode': 'ANN'}")


@check
def prepared_inserts(session):
    insert = session.prepare("INSERT INTO products (id, name, number, embedding) VALUES (uuid(), ?, ?, ?)")
    for number in range(PRODUCTS):
        session.execute(insert, (f"product {number}", number, embedding(number)))
    equal(session.execute("SELECT count(*) FROM products").one()[0], PRODUCTS)


@check
def search_by_where(session):
    search = session.prepare("SELECT name, number, similarity_cosine(embedding, ?) AS score FROM products WHERE embedding ANN OF ? LIMIT 5")
    for number in (0, 17, PRODUCTS - 1):
        rows = session.execute(search, (embedding(number), embedding(number))).all()
        equal(len(rows), 5)
        equal(rows[0].number, number)
        assert abs(rows[0].score - 1) < 1e-5
        scores = [row.score for row in rows]
        equal(scores, sorted(scores, reverse=True))


@check
def search_without_an_index_class_of_its_own(session):
    literal = "[" + ", ".join(map(str, embedding(3))) + "]"
    equal(session.execute(f"SELECT number FROM products WHERE embedding ANN OF {literal} LIMIT 1").one().number, 3)
    equal(session.execute(f"SELECT number FROM products ORDER BY embedding ANN OF {literal} LIMIT 1").one().number, 3)


if __name__ == "__main__":
    args = arguments()
    cluster = Cluster(["127.0.0.1"], port=args.port, auth_provider=PlainTextAuthProvider(username="cassandra", password="anything"))
    run(cluster.connect())
