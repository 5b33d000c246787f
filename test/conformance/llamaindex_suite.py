"""LlamaIndex's Cassandra vector store over CassIO, alone and under a VectorStoreIndex."""
from cassandra.cluster import Cluster
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import ExactMatchFilter, MetadataFilters, VectorStoreQuery, VectorStoreQueryMode
from llama_index.vector_stores.cassandra import CassandraVectorStore

from checks import arguments, check, equal, eventually, restart_server, run
from embedding import DIMENSIONS, cosine, embed, nearest

BOOKS = {"cooking": ["bread and butter", "salt and pepper", "bread and salt", "fish and salt"],
         "sailing": ["sea and wind", "wind and salt", "sea and fish", "rope and knots"]}
TEXTS = [text for book in BOOKS.values() for text in book]
QUESTION = "bread and salt and sea"


class HashedWords(BaseEmbedding):
    def _get_text_embedding(self, text):
        return embed(text)

    def _get_query_embedding(self, query):
        return embed(query)

    async def _aget_query_embedding(self, query):
        return embed(query)


class Context:
    def __init__(self, args):
        self.cluster = Cluster(["127.0.0.1"], port=args.port)
        self.session = self.cluster.connect()
        self.session.execute("CREATE KEYSPACE llama WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")

    def store(self, table, **options):
        return CassandraVectorStore(table, DIMENSIONS, session=self.session, keyspace="llama", **options)

    def books(self, table, **options):
        store = self.store(table, **options)
        equal(len(store.add([node(text, book, page) for book, page, text in pages()])), len(TEXTS))
        return store


def pages():
    return [(book, page, text) for book, pages in BOOKS.items() for page, text in enumerate(pages)]


def node(text, book, page):
    return TextNode(id_=f"{book}/{page}", text=text, metadata={"book": book, "page": page}, embedding=embed(text),
                    relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=book)})


def ask(store, question=QUESTION, k=8, mode=VectorStoreQueryMode.DEFAULT, mmr=None, **facts):
    filters = MetadataFilters(filters=[ExactMatchFilter(key=key, value=value) for key, value in facts.items()]) if facts else None
    return store.query(VectorStoreQuery(query_embedding=embed(question), similarity_top_k=k, filters=filters, mode=mode, mmr_threshold=mmr))


def texts(answer):
    return [node.get_content() for node in answer.nodes]


@check
def nearest_nodes_with_scores(c):
    answer = ask(c.books("books"), k=5)
    equal(texts(answer), nearest(TEXTS, QUESTION, 5))
    for text, score in zip(texts(answer), answer.similarities):
        assert abs(score - cosine(text, QUESTION)) < 1e-5, (text, score)
    equal(answer.ids, [f"{n.metadata['book']}/{n.metadata['page']}" for n in answer.nodes])


@check
def metadata_filters(c):
    store = c.store("books")
    equal(texts(ask(store, book="sailing")), nearest(BOOKS["sailing"], QUESTION, 8))
    equal(texts(ask(store, book="sailing", page=2)), ["sea and fish"])
    equal(texts(ask(store, book="gardening")), [])


@check
def maximal_marginal_relevance(c):
    store = c.store("books")
    alike = texts(ask(store, k=3, mode=VectorStoreQueryMode.MMR, mmr=1.0))
    equal(alike, nearest(TEXTS, QUESTION, 3))
    apart = texts(ask(store, k=2, mode=VectorStoreQueryMode.MMR, mmr=0.01))
    equal(apart, [alike[0], min(TEXTS, key=lambda text: cosine(text, alike[0]))])


@check
def a_document_deleted_with_its_nodes(c):
    store = c.books("torn")
    store.delete("cooking")
    equal(texts(ask(store)), nearest(BOOKS["sailing"], QUESTION, 8))


@check
def nodes_that_expire(c):
    store = c.books("mortal", ttl_seconds=4)
    equal(len(texts(ask(store))), 8)
    eventually(lambda: texts(ask(store)) == [])


@check
def an_index_over_the_store(c):
    context = StorageContext.from_defaults(vector_store=c.store("indexed"))
    index = VectorStoreIndex(nodes=[node(text, book, page) for book, page, text in pages()], storage_context=context,
                             embed_model=HashedWords())
    found = index.as_retriever(similarity_top_k=3).retrieve(QUESTION)
    equal([hit.node.get_content() for hit in found], nearest(TEXTS, QUESTION, 3))
    again = VectorStoreIndex.from_vector_store(c.store("indexed"), embed_model=HashedWords())
    equal(again.as_retriever(similarity_top_k=1).retrieve("rope and knots")[0].node.metadata, {"book": "sailing", "page": 3})


@check
def answers_after_a_restart(c):
    restart_server()
    store = eventually(lambda: c.store("books"), 60)
    equal(texts(eventually(lambda: ask(store, k=5))), nearest(TEXTS, QUESTION, 5))
    equal(texts(ask(store, book="sailing", page=2)), ["sea and fish"])


if __name__ == "__main__":
    run(Context(arguments()))
