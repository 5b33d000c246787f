"""What langchain-scylladb says to its server, statement by statement: vector store, caches, chat history, store, indexes.

The package itself asks for a newer Python than the project's.
"""
import json
import uuid

from cassandra import InvalidRequest
from cassandra.cluster import Cluster
from cassandra.query import BatchStatement, BatchType

from checks import arguments, check, equal, raises, run
from embedding import DIMENSIONS, cosine, embed, nearest

SCORES = {"COSINE": ("similarity_cosine", lambda cos: (1 + cos) / 2), "DOT_PRODUCT": ("similarity_dot_product", lambda cos: (1 + cos) / 2),
          "EUCLIDEAN": ("similarity_euclidean", lambda cos: 1 / (3 - 2 * cos))}
TOOLS = ["a hammer for nails", "a saw for wood", "an axe for wood", "a plane for flat wood", "tongs for hot iron", "a file for iron"]
QUESTION = "tools for wood"


class Context:
    def __init__(self, args):
        self.session = Cluster(["127.0.0.1"], port=args.port).connect()

    def execute(self, statement, values=None):
        """Of a statement with values: prepared."""
        return self.session.execute(self.session.prepare(statement) if values is not None else statement, values)

    def vector_store(self, name, function):
        self.execute(f"""
            CREATE TABLE IF NOT EXISTS shed.{name} (
                id        text PRIMARY KEY,
                content   text,
                metadata  text,
                embedding vector<float, {DIMENSIONS}>
            )
            """)
        self.execute(f"""
            CREATE CUSTOM INDEX IF NOT EXISTS {name}_embedding_idx
            ON shed.{name}(embedding)
            USING 'vector_index'
            WITH OPTIONS = {{'similarity_function': '{function}'}}
            """)
        for number, text in enumerate(TOOLS):
            self.execute(f"INSERT INTO shed.{name}\n (id, content, metadata, embedding)\n VALUES (?, ?, ?, ?)",
                         (f"t{number}", text, json.dumps({"number": number}), embed(text)))

    def search(self, name, similarity, k, columns="id, content, metadata"):
        """With the vector as a literal in the statement, twice."""
        vector = embed(QUESTION)
        return self.session.execute(f"SELECT {columns},\n {similarity}(embedding, %s) AS score\n FROM shed.{name}\n"
                                    f" ORDER BY embedding ANN OF %s\n LIMIT {k}\n", (vector, vector)).all()


@check
def keyspace(c):
    c.execute("CREATE KEYSPACE IF NOT EXISTS shed\n WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': 3}\n"
              " AND tablets = {'enabled': true}\n")
    c.execute("CREATE KEYSPACE IF NOT EXISTS other WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}"
              " AND tablets = {'enabled': true}")


@check
def vector_store(c):
    for function, (similarity, score_of) in SCORES.items():
        name = function.lower()
        c.vector_store(name, function)
        rows = c.search(name, similarity, 4)
        equal([row.content for row in rows], nearest(TOOLS, QUESTION, 4))
        for row in rows:
            assert abs(row.score - score_of(cosine(row.content, QUESTION))) < 1e-5, row
        equal([row.id for row in c.search(name, similarity, 6, "id, content, metadata, embedding")][:4], [row.id for row in rows])


@check
def metadata_rewritten_and_documents_by_id(c):
    c.execute("UPDATE shed.cosine SET metadata = ? WHERE id = ?", (json.dumps({"sold": True}), "t1"))
    row = c.execute("SELECT id, content, metadata FROM shed.cosine WHERE id = ?", ("t1",)).one()
    equal((row.id, row.content, json.loads(row.metadata)), ("t1", TOOLS[1], {"sold": True}))
    equal(c.execute("SELECT id, content, metadata FROM shed.cosine WHERE id = ?", ("t9",)).one(), None)


@check
def documents_deleted(c):
    c.execute("DELETE FROM shed.cosine WHERE id = ?", ("t1",))
    equal([row.content for row in c.search("cosine", "similarity_cosine", 9)], nearest(TOOLS[:1] + TOOLS[2:], QUESTION, 9))


@check
def a_store_dropped_and_made_again(c):
    for _ in range(2):
        c.execute("DROP INDEX IF EXISTS shed.cosine_embedding_idx")
        c.execute("DROP TABLE IF EXISTS shed.cosine")
    # The store takes this refusal for 'no documents'.
    raises(InvalidRequest, c.search, "cosine", "similarity_cosine", 4)
    c.vector_store("cosine", "COSINE")
    equal(len(c.search("cosine", "similarity_cosine", 9)), len(TOOLS))


@check
def cache(c):
    c.execute("CREATE TABLE IF NOT EXISTS shed.cache (\n prompt TEXT,\n llm_string TEXT,\n return_val TEXT,\n"
              " PRIMARY KEY ((prompt), llm_string)\n )")
    c.execute("INSERT INTO shed.cache (prompt, llm_string, return_val) VALUES (?, ?, ?)", ("why?", "model 1", "because"))
    lookup = "SELECT return_val FROM shed.cache WHERE prompt = ? AND llm_string = ?"
    equal(c.execute(lookup, ("why?", "model 1")).one().return_val, "because")
    equal(c.execute(lookup, ("why?", "model 2")).one(), None)
    c.execute("TRUNCATE shed.cache")
    equal(c.execute(lookup, ("why?", "model 1")).one(), None)


@check
def chat_history(c):
    c.execute("CREATE TABLE IF NOT EXISTS shed.chat (\n session_id TEXT,\n message_id TIMEUUID,\n message TEXT,\n"
              " PRIMARY KEY (session_id, message_id)\n ) WITH CLUSTERING ORDER BY (message_id ASC)")
    said = [f"message {number}" for number in range(20)]
    insert = c.session.prepare("INSERT INTO shed.chat (session_id, message_id, message) VALUES (?, ?, ?)")
    batch = BatchStatement(batch_type=BatchType.UNLOGGED)
    for message in said:
        batch.add(insert, ("s", uuid.uuid1(), message))
    c.session.execute(batch)
    equal([row.message for row in c.execute("SELECT message FROM shed.chat WHERE session_id = ?", ("s",))], said)
    last = c.execute("SELECT message FROM shed.chat WHERE session_id = ? ORDER BY message_id DESC LIMIT 5", ("s",))
    equal([row.message for row in last], said[:-6:-1])
    c.execute("DELETE FROM shed.chat WHERE session_id = ?", ("s",))
    equal(c.execute("SELECT message FROM shed.chat WHERE session_id = ?", ("s",)).all(), [])


@check
def key_value_store(c):
    c.execute("CREATE TABLE IF NOT EXISTS shed.store (\n key TEXT PRIMARY KEY,\n value TEXT\n )")
    insert = c.session.prepare("INSERT INTO shed.store (key, value) VALUES (?, ?)")
    batch = BatchStatement(batch_type=BatchType.UNLOGGED)
    for number in range(100):
        batch.add(insert, (f"k{number}", f"v{number}"))
    c.session.execute(batch)
    equal(c.execute("SELECT key, value FROM shed.store WHERE key = ?", ("k42",)).one(), ("k42", "v42"))
    c.execute("DELETE FROM shed.store WHERE key = ?", ("k42",))
    equal({row.key for row in c.execute("SELECT key FROM shed.store")}, {f"k{number}" for number in range(100) if number != 42})


@check
def indexes_as_its_helpers_read_them(c):
    c.execute("CREATE TABLE IF NOT EXISTS shed.tagged (id TEXT PRIMARY KEY, tag TEXT)")
    for _ in range(2):
        c.execute("CREATE INDEX IF NOT EXISTS tag_idx ON shed.tagged(tag)")
    listing = "SELECT index_name FROM system_schema.indexes WHERE keyspace_name = %s AND table_name = %s"
    equal(c.session.execute(listing, ("shed", "tagged")).all(), [("tag_idx",)])
    equal(c.session.execute(listing, ("shed", "cosine")).all(), [("cosine_embedding_idx",)])
    c.execute("INSERT INTO shed.tagged (id, tag) VALUES (?, ?)", ("1", "new"))
    equal(c.execute("SELECT id FROM shed.tagged WHERE tag = ?", ("new",)).one().id, "1")
    c.execute("DROP INDEX IF EXISTS shed.tag_idx")
    equal(c.session.execute(listing, ("shed", "tagged")).all(), [])


if __name__ == "__main__":
    run(Context(arguments()))
