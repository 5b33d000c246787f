'use strict';
// LangChain.js: CassandraStore as its documents use it, and the chat history.
const assert = require('assert');
const { cassandra, check, client, eventually, place, restartServer, run } = require('./checks.js');
const { cosine, dimensions, embeddings, nearest } = require('./embedding.js');
const { CassandraStore } = client('@langchain/community/vectorstores/cassandra');
const { CassandraChatMessageHistory } = client('@langchain/community/stores/message/cassandra');
const { AIMessage, HumanMessage } = client('@langchain/core/messages');

const towns = ['harbour town by the cold sea', 'mountain town by the cold lake', 'harbour city by the warm sea', 'old city on the river',
  'mountain village by the lake', 'fishing village by the warm sea', 'market town on the river', 'new city in the desert'];
const question = 'a town by the sea';
const kind = (text) => text.match(/town|city|village/)[0];
// Numbers from 1: the store takes a 0 in metadata for an absent value.
const tags = towns.map((text, index) => ({ number: index + 1, kind: kind(text), tags: { kind: kind(text), river: String(text.includes('river')) } }));
const texts = (documents) => documents.map((document) => document.pageContent);

// Documents with columns of their own: `number` and `kind` are keys, `tags` is a map with two indexes.
const options = {
  ...place, keyspace: 'js', dimensions, table: 'towns', maxRetries: 0,
  primaryKey: [{ name: 'number', type: 'int', partition: true }, { name: 'kind', type: 'text' }],
  metadataColumns: [{ name: 'tags', type: 'map<text, text>' }],
};
const indices = () => [{ name: 'kind', value: '(kind)' }, { name: 'tags_keys', value: '(keys(tags))' }, { name: 'tags_entries', value: '(entries(tags))' }];
const fill = (more) => CassandraStore.fromTexts(towns, tags.map((tag) => ({ ...tag })), embeddings, { ...options, indices: indices(), ...more });
const open = (more) => CassandraStore.fromExistingIndex(embeddings, { ...options, indices: indices(), ...more });
const where = (condition) => towns.filter((_, index) => condition(tags[index]));

check('nearest texts in order', async () => {
  const store = await fill();
  assert.deepStrictEqual(texts(await store.similaritySearch(question, 5)), nearest(towns, question, 5));
});

check('scores are similarities', async () => {
  for (const [document, score] of await (await open()).similaritySearchWithScore(question, 8)) {
    assert(Math.abs(score - (1 + cosine(question, document.pageContent)) / 2) < 1e-5, `${document.pageContent} ${score}`);
    assert.strictEqual(towns[document.metadata.number - 1], document.pageContent);
  }
});

check('filters by a key, by an entry, by a key of a map, by all of them', async () => {
  const store = await open();
  const found = async (filter) => texts(await store.similaritySearch(question, 8, filter));
  assert.deepStrictEqual(await found({ kind: 'city' }), nearest(where((tag) => tag.kind === 'city'), question, 8));
  const river = { name: "tags['river']", value: 'true' };
  assert.deepStrictEqual(await found(river), nearest(where((tag) => tag.tags.river === 'true'), question, 8));
  assert.deepStrictEqual(await found({ name: 'tags', operator: 'CONTAINS KEY', value: 'river' }), nearest(towns, question, 8));
  assert.deepStrictEqual(await found([river, { kind: 'town' }]), ['market town on the river']);
  assert.deepStrictEqual(await found({ kind: 'hamlet' }), []);
});

check('maximal marginal relevance', async () => {
  const store = await open();
  assert.deepStrictEqual(texts(await store.maxMarginalRelevanceSearch(question, { k: 3, fetchK: 8, lambda: 1 })), nearest(towns, question, 3));
  const [first, second] = texts(await store.maxMarginalRelevanceSearch(question, { k: 2, fetchK: 8, lambda: 0 }));
  assert.strictEqual(first, nearest(towns, question, 1)[0]);
  assert.strictEqual(second, nearest(towns, first, 8)[7]);
});

check('metadata in a map and ids made by the store', async () => {
  const store = await CassandraStore.fromTexts(towns, towns.map((text) => ({ metadata: { kind: kind(text) } })), embeddings,
    { ...place, keyspace: 'js', dimensions, table: 'plain', maxRetries: 0 });
  const found = await store.similaritySearch(question, 8, { name: "metadata['kind']", value: 'village' });
  assert.deepStrictEqual(texts(found), nearest(towns.filter((text) => kind(text) === 'village'), question, 8));
  assert.deepStrictEqual(found[0].metadata.metadata, { kind: 'village' });
});

for (const vectorType of ['euclidean', 'dot_product']) {
  check(`similarity ${vectorType}`, async () => {
    const store = await fill({ table: vectorType, vectorType });
    const [[document, score]] = await store.similaritySearchWithScore(question, 1);
    assert.strictEqual(document.pageContent, nearest(towns, question, 1)[0]);
    const alike = cosine(document.pageContent, question);
    assert(Math.abs(score - (vectorType === 'euclidean' ? 1 / (3 - 2 * alike) : (1 + alike) / 2)) < 1e-5, `${score}`);
  });
}

check('writes in batches, and deletes', async () => {
  const store = await fill({ table: 'batched', batchSize: 5 });
  await store.getCassandraTable().delete([{ number: 1 }, { kind: 'town' }]);
  assert.deepStrictEqual(texts(await store.similaritySearch(question, 8)), nearest(towns.slice(1), question, 8));
  const rows = await store.getCassandraTable().select(undefined, { name: 'number', operator: 'IN', value: [2, 1, 3] });
  assert.deepStrictEqual(rows.rows.map((row) => row.text).sort(), towns.slice(1, 3).sort());
});

check('chat history', async () => {
  const [first, second] = ['1', '2'].map((sessionId) => new CassandraChatMessageHistory({ ...place, keyspace: 'js', table: 'chat', sessionId }));
  const said = [new HumanMessage("Where's the sea?"), new AIMessage('In the west — 西.'), new HumanMessage('Thanks.')];
  for (const message of said) {
    await first.addMessage(message);
    // The store's key of a message is its millisecond.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await second.addMessage(said[0]);
  assert.deepStrictEqual((await first.getMessages()).map((message) => message.content), said.map((message) => message.content));
  await first.clear();
  assert.strictEqual((await first.getMessages()).length, 0);
  assert.strictEqual((await second.getMessages()).length, 1);
});

check('answers after a restart', async () => {
  await restartServer();
  const store = await eventually(() => open());
  const found = await eventually(() => store.similaritySearch(question, 5));
  assert.deepStrictEqual(texts(found), nearest(towns, question, 5));
});

(async () => {
  const session = new cassandra.Client(place);
  await session.execute("CREATE KEYSPACE js WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  await session.shutdown();
  await run();
})();
