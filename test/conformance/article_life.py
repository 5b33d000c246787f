"""The second article that users follow: the life of an embedding, from its insert to the drop of the keyspace."""
import random
import time

from cassandra.cluster import Cluster
from cassandra.query import BatchStatement

from checks import arguments, check, equal, eventually, run

DIM, ARTICLES = 384, 60


def embedding(seed):
    source = random.Random(f"article {seed}")
    return [source.uniform(-1, 1) for _ in range(DIM)]


def neighbours(session, seed, limit=3, where=""):
    search = session.prepare(f"SELECT id FROM articles {where} ORDER BY embedding ANN OF ? LIMIT {limit}")
    return [row.id for row in session.execute(search, (embedding(seed),))]


@check
def table_and_index_with_nested_options(session):
    session.execute("CREATE KEYSPACE life WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}")
    session.set_keyspace("life")
    session.execute(f"""
        CREATE TABLE articles (
            id int PRIMARY KEY,
            title text,
            content text,
            embedding vector<float, {DIM}>,  # the vector of the content
            updated_at timestamp
        )""")
    session.execute("""
        CREATE CUSTOM INDEX articles_embedding ON articles (embedding)
        USING 'vector_index'
        WITH OPTIONS = {
            'class_name': 'VectorIndex',
            'similarity_function': 'COSINE',   # the metric
            'indexing_options': {
                'vector_dimension': '384',
                'indexing_type': 'usearch',
                'usearch_options': {
                    'metric': 'COSINE',
                    'quantization': 'fp16',    # half the memory
                    'connections': '16',
                    'expansion_add': '128',
                    'expansion_search': '64'
                }
            }
        }""")
    options = session.execute("SELECT options FROM system_schema.indexes WHERE keyspace_name = 'life' AND table_name = 'articles'").one().options
    equal(options["target"], "embedding")
    assert options["similarity_function"].upper() == "COSINE", options


@check
def insert_and_search(session):
    insert = session.prepare("INSERT INTO articles (id, title, content, embedding, updated_at) VALUES (?, ?, ?, ?, toTimestamp(now()))")
    for number in range(ARTICLES):
        session.execute(insert, (number, f"title {number}", f"content {number}", embedding(number)))
    equal(neighbours(session, 5)[0], 5)
    search = session.prepare("SELECT id FROM articles WHERE embedding ANN OF ? LIMIT 1")
    equal(session.execute(search, (embedding(6),)).one().id, 6)


@check
def text_and_vector_change_together(session):
    update = session.prepare("UPDATE articles SET content = ?, embedding = ?, updated_at = toTimestamp(now()) WHERE id = ?")
    session.execute(update, ("new content", embedding("new 5"), 5))
    equal(neighbours(session, "new 5")[0], 5)
    assert neighbours(session, 5)[0] != 5
    equal(session.execute("SELECT content FROM articles WHERE id = 5").one().content, "new content")


@check
def delete_and_gone(session):
    session.execute(session.prepare("DELETE FROM articles WHERE id = ?"), (7,))
    assert 7 not in neighbours(session, 7, limit=ARTICLES)
    equal(len(neighbours(session, 7, limit=ARTICLES)), ARTICLES - 1)


@check
def soft_delete(session):
    session.execute("ALTER TABLE articles ADD is_active boolean")
    active = session.prepare("UPDATE articles SET is_active = ? WHERE id = ?")
    for number in range(ARTICLES):
        if number != 7:
            session.execute(active, (number != 8, number))
    equal(neighbours(session, 8)[0], 8)
    found = neighbours(session, 8, ARTICLES, "WHERE is_active = true")
    assert 8 not in found
    equal(len(found), ARTICLES - 2)
    equal(neighbours(session, 9, 3, "WHERE is_active = true")[0], 9)


@check
def ttl_expires(session):
    insert = session.prepare("INSERT INTO articles (id, title, embedding, is_active) VALUES (?, ?, ?, true) USING TTL 2")
    session.execute(insert, (1000, "short-lived", embedding(1000)))
    equal(neighbours(session, 1000)[0], 1000)
    time.sleep(2)
    eventually(lambda: 1000 not in neighbours(session, 1000), 3)
    equal(session.execute("SELECT id FROM articles WHERE id = 1000").one(), None)


@check
def all_rows_embedded_anew_in_batches(session):
    session.execute("ALTER TABLE articles ADD model_version text")
    update = session.prepare("UPDATE articles SET embedding = ?, model_version = 'v2' WHERE id = ?")
    ids = sorted(row.id for row in session.execute("SELECT id FROM articles"))
    for at in range(0, len(ids), 20):
        batch = BatchStatement()
        for number in ids[at:at + 20]:
            batch.add(update, (embedding(f"v2 {number}"), number))
        session.execute(batch)
    for number in (0, 30, ARTICLES - 1):
        equal(neighbours(session, f"v2 {number}")[0], number)
    equal({row.model_version for row in session.execute("SELECT model_version FROM articles")}, {"v2"})


@check
def blue_and_green_indexes(session):
    session.execute("""CREATE CUSTOM INDEX articles_embedding_green ON articles (embedding) USING 'vector_index'
        WITH OPTIONS = {'similarity_function': 'cosine', 'maximum_node_connections': '32', 'search_beam_width': '128',
                        'profile': 'fast'}""")
    equal(neighbours(session, "v2 3")[0], 3)
    session.execute("DROP INDEX articles_embedding")
    equal(neighbours(session, "v2 4")[0], 4)
    names = [row.index_name for row in session.execute("SELECT index_name FROM system_schema.indexes WHERE keyspace_name = 'life'")]
    equal(names, ["articles_embedding_green"])


@check
def drops(session):
    session.execute("DROP INDEX articles_embedding_green")
    session.execute("DROP TABLE articles")
    session.execute("DROP KEYSPACE life")
    equal(session.execute("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = 'life'").one(), None)


if __name__ == "__main__":
    run(Cluster(["127.0.0.1"], port=arguments().port).connect())
