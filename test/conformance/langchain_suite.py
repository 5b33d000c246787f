"""LangChain's Cassandra classes over CassIO: vector store, caches, chat history, key-value store, and what an agent sees."""
import asyncio
import warnings

from cassandra.cluster import Cluster

from langchain_community.cache import CassandraCache, CassandraSemanticCache
from langchain_community.chat_message_histories import CassandraChatMessageHistory
from langchain_community.document_loaders import CassandraLoader
from langchain_community.storage import CassandraByteStore
from langchain_community.utilities.cassandra_database import CassandraDatabase
from langchain_community.vectorstores import Cassandra
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import Generation

from checks import arguments, check, equal, eventually, restart_server, run
from embedding import cosine, embed, nearest

ANIMALS = [f"{colour} {animal} in the {place}" for colour in ("red", "grey", "white") for animal in ("fox", "wolf", "owl", "hare")
           for place in ("forest", "snow")]
QUESTION = "a grey wolf in the snow"

# LangChain announces its own future on every other call.
warnings.simplefilter("ignore")


class HashedWords(Embeddings):
    def embed_documents(self, texts):
        return [embed(text) for text in texts]

    def embed_query(self, text):
        return embed(text)


class Context:
    def __init__(self, args):
        self.cluster = Cluster(["127.0.0.1"], port=args.port)
        self.session = self.cluster.connect()
        self.session.execute("CREATE KEYSPACE lang WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        self.place = {"session": self.session, "keyspace": "lang"}

    def store(self, table, **options):
        return Cassandra(HashedWords(), table_name=table, **self.place, **options)

    def animals(self, table):
        """A store of ANIMALS under ids a0, a1 …, each with its number, colour and whether it is in the snow."""
        store = self.store(table)
        facts = [{"number": n, "colour": text.split()[0], "snow": text.endswith("snow")} for n, text in enumerate(ANIMALS)]
        store.add_texts(ANIMALS, facts, [f"a{n}" for n in range(len(ANIMALS))])
        return store


def texts(documents):
    return [document.page_content for document in documents]


@check
def nearest_texts_in_order(c):
    store = c.animals("animals")
    equal(texts(store.similarity_search(QUESTION, k=5)), nearest(ANIMALS, QUESTION, 5))
    equal(texts(store.similarity_search_by_vector(embed(QUESTION), k=3)), nearest(ANIMALS, QUESTION, 3))


@check
def scores_are_similarities(c):
    for document, score, key in c.store("animals").similarity_search_with_score_id(QUESTION, k=24):
        assert abs(score - (1 + cosine(QUESTION, document.page_content)) / 2) < 1e-5, (document, score)
        equal(ANIMALS[int(key[1:])], document.page_content)


@check
def metadata_filters(c):
    store = c.store("animals")
    red = [text for text in ANIMALS if text.startswith("red")]
    equal(texts(store.similarity_search(QUESTION, k=24, filter={"colour": "red"})), nearest(red, QUESTION, 24))
    both = [text for text in red if text.endswith("snow")]
    equal(texts(store.similarity_search(QUESTION, k=2, filter={"colour": "red", "snow": True})), nearest(both, QUESTION, 2))
    equal(texts(store.similarity_search(QUESTION, filter={"number": 7})), [ANIMALS[7]])
    equal(store.similarity_search(QUESTION, filter={"colour": "green"}), [])
    equal(store.similarity_search(QUESTION, filter={"nothing": "red"}), [])


@check
def metadata_without_vectors(c):
    store = c.store("animals")
    equal(sorted(texts(store.metadata_search({"colour": "white"}, n=20))), sorted(t for t in ANIMALS if t.startswith("white")))
    document = store.get_by_document_id("a3")
    equal((document.page_content, document.metadata), (ANIMALS[3], {"number": "3.0", "colour": "red", "snow": "true"}))
    equal(store.get_by_document_id("a99"), None)


@check
def maximal_marginal_relevance(c):
    store = c.store("animals")
    alike = store.max_marginal_relevance_search(QUESTION, k=4, fetch_k=24, lambda_mult=1.0)
    equal(texts(alike), nearest(ANIMALS, QUESTION, 4))
    apart = texts(store.max_marginal_relevance_search(QUESTION, k=2, fetch_k=24, lambda_mult=0.0))
    equal(apart, [alike[0].page_content, min(ANIMALS, key=lambda text: cosine(text, apart[0]))])
    white = store.max_marginal_relevance_search(QUESTION, k=4, fetch_k=24, filter={"colour": "white"})
    equal({document.metadata["colour"] for document in white}, {"white"})


@check
def texts_written_again_and_new_metadata(c):
    store = c.animals("changed")
    store.add_texts(["a violin and a cello"], [{"colour": "brown"}], ["a0"])
    equal(texts(store.similarity_search("a violin", k=1)), ["a violin and a cello"])
    assert ANIMALS[0] not in texts(store.similarity_search(ANIMALS[0], k=24))
    store.replace_metadata({"a1": {"colour": "black"}, "a2": {}})
    equal(texts(store.similarity_search(QUESTION, filter={"colour": "black"})), [ANIMALS[1]])
    equal(store.get_by_document_id("a2").metadata, {})


@check
def deletes(c):
    store = c.animals("deleted")
    store.delete(["a0", "a1", "a99"])
    left = ANIMALS[2:]
    equal(texts(store.similarity_search(ANIMALS[0], k=24)), nearest(left, ANIMALS[0], 24))
    equal(store.delete_by_metadata_filter({"colour": "white"}, batch_size=3), 8)
    left = [text for text in left if not text.startswith("white")]
    equal(texts(store.similarity_search(QUESTION, k=24)), nearest(left, QUESTION, 24))
    store.clear()
    equal(store.similarity_search(QUESTION), [])
    store.delete_collection()


@check
def texts_that_expire(c):
    store = c.store("mortal", ttl_seconds=4)
    store.add_texts(["here today"], ids=["short"])
    store.add_texts(["here for long"], ids=["long"], ttl_seconds=1000)
    equal(texts(store.similarity_search("here today", k=2)), ["here today", "here for long"])
    eventually(lambda: texts(store.similarity_search("here today", k=2)) == ["here for long"])
    equal(store.get_by_document_id("short"), None)


@check
def metadata_that_is_not_indexed(c):
    store = c.store("denied", metadata_indexing=("denylist", ["secret"]))
    store.add_texts(["one", "two"], [{"secret": "x", "open": "y"}, {"open": "z"}], ["1", "2"])
    equal(texts(store.similarity_search("one two", filter={"open": "z"})), ["two"])
    equal(store.get_by_document_id("1").metadata, {"secret": "x", "open": "y"})


@check
def asynchronous_calls(c):
    async def calls():
        store = c.store("awaited")
        await store.aadd_texts(ANIMALS, [{"snow": text.endswith("snow")} for text in ANIMALS], [str(n) for n in range(24)])
        found = await asyncio.gather(*(store.asimilarity_search(text, k=1) for text in ANIMALS))
        equal([texts(documents) for documents in found], [[text] for text in ANIMALS])
        equal(await store.adelete_by_metadata_filter({"snow": True}), 12)
        equal(len(await store.asimilarity_search(QUESTION, k=24)), 12)

    asyncio.run(calls())


@check
def retriever(c):
    found = c.store("animals").as_retriever(search_kwargs={"k": 2, "filter": {"colour": "grey"}}).invoke(QUESTION)
    equal(texts(found), nearest([text for text in ANIMALS if text.startswith("grey")], QUESTION, 2))


@check
def semantic_cache(c):
    prompt, alike, other = "the best book about wolves", "the best book about grey wolves", "price of tea in china"
    cache = CassandraSemanticCache(embedding=HashedWords(), score_threshold=0.8, similarity_measure="cos", **c.place)
    answer = [Generation(text="Of Wolves and Men")]
    equal(cache.lookup(prompt, "model 1"), None)
    cache.update(prompt, "model 1", answer)
    assert cosine(prompt, alike) > 0.8 > cosine(prompt, other)
    equal(cache.lookup(prompt, "model 1"), answer)
    equal(cache.lookup(alike, "model 1"), answer)
    equal(cache.lookup(other, "model 1"), None)
    equal(cache.lookup(prompt, "model 2"), None)
    cache.delete_by_document_id(cache.lookup_with_id(prompt, "model 1")[0])
    equal(cache.lookup(prompt, "model 1"), None)
    cache.update(prompt, "model 1", answer)
    cache.clear()
    equal(cache.lookup(prompt, "model 1"), None)


@check
def cache_of_equal_prompts(c):
    cache = CassandraCache(**c.place)
    answer = [Generation(text="yes"), Generation(text="no")]
    cache.update("is it?", "model", answer)
    equal(cache.lookup("is it?", "model"), answer)
    equal(cache.lookup("is it ?", "model"), None)
    cache.delete("is it?", "model")
    equal(cache.lookup("is it?", "model"), None)


@check
def chat_history(c):
    first, second = (CassandraChatMessageHistory(f"session {n}", **c.place) for n in (1, 2))
    said = [HumanMessage("Where do owls live?"), AIMessage("In the forest."), HumanMessage("And 'foxes' — 狐?"), AIMessage("There too.")]
    for message in said:
        first.add_message(message)
    second.add_messages(said[:1])
    equal([(type(m), m.content) for m in first.messages], [(type(m), m.content) for m in said])
    first.clear()
    equal((len(first.messages), len(second.messages)), (0, 1))


@check
def chat_history_that_expires(c):
    history = CassandraChatMessageHistory("short", ttl_seconds=1, **c.place)
    history.add_user_message("soon gone")
    eventually(lambda: history.messages == [])


@check
def key_value_store(c):
    store = CassandraByteStore("bytes", **c.place)
    store.mset([("a/1", b"\x00\xff"), ("a/2", b""), ("b/1", b"x" * 100_000)])
    equal(store.mget(["b/1", "none", "a/2", "a/1"]), [b"x" * 100_000, None, b"", b"\x00\xff"])
    equal(sorted(store.yield_keys(prefix="a/")), ["a/1", "a/2"])
    store.mdelete(["a/1", "none"])
    equal(sorted(store.yield_keys()), ["a/2", "b/1"])


@check
def the_schema_as_an_agent_reads_it(c):
    # Of a table without an index: it takes the options of an index, a map, for a text.
    c.session.execute("CREATE KEYSPACE seen WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    c.session.execute("CREATE TABLE seen.visits (page text, at timestamp, who text, PRIMARY KEY (page, at)) WITH comment = 'of pages'")
    c.session.execute("INSERT INTO seen.visits (page, at, who) VALUES ('home', 1000, 'Ann')")
    database = CassandraDatabase(c.session)
    table, = database.get_keyspace_tables("seen")
    equal((table.table_name, table.partition, table.clustering), ("visits", ["page"], [("at", "asc")]))
    assert "of pages" in table.as_markdown(), table.as_markdown()
    equal(database.run("SELECT who FROM seen.visits", fetch="one"), {"who": "Ann"})
    assert "Ann" in database.get_table_data("seen", "visits", "page = 'home'", 1)


@check
def documents_of_a_table(c):
    loader = CassandraLoader(table="animals", session=c.session, keyspace="lang", page_content_mapper=lambda row: row.body_blob)
    equal(sorted(texts(loader.load())), sorted(ANIMALS))


@check
def answers_after_a_restart(c):
    restart_server()
    store = eventually(lambda: c.store("animals"), 60)
    equal(texts(eventually(lambda: store.similarity_search(QUESTION, k=5))), nearest(ANIMALS, QUESTION, 5))
    equal(texts(store.similarity_search(QUESTION, filter={"number": 7})), [ANIMALS[7]])


if __name__ == "__main__":
    run(Context(arguments()))
