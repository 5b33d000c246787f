'use strict';
// The Node driver: what an application does with it, from the first connection to a restart of the server under it.
const assert = require('assert');
const { cassandra, check, eventually, place, restartServer, run } = require('./checks.js');
const { types, errors } = cassandra;

const newClient = (options) => new cassandra.Client({ ...place, ...options });
const prepared = { prepare: true };

async function refused(client, query, code, text) {
  await assert.rejects(client.execute(query), (error) => {
    assert(error instanceof errors.ResponseError, `${error}`);
    assert.strictEqual(error.code, code, error.message);
    assert(error.message.toLowerCase().includes(text.toLowerCase()), error.message);
    return true;
  });
}

check('connect with default settings', async (client) => {
  await client.connect();
  assert.strictEqual(client.controlConnection.protocolVersion, 4);
  assert.strictEqual(client.hosts.length, 1);
  const row = (await client.execute('SELECT release_version FROM system.local')).first();
  assert.strictEqual(row.release_version, '5.0.0');
});

check('credentials do no harm', async () => {
  const other = newClient({ credentials: { username: 'any', password: 'thing' } });
  await other.connect();
  await other.shutdown();
});

check('ddl and metadata', async (client) => {
  await client.execute("CREATE KEYSPACE n WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  await client.execute('CREATE TYPE n.address (street text, numbers frozen<list<int>>)');
  await client.execute('CREATE TABLE n.t (p int, c int, s text static, v text, home frozen<address>, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC)');
  const table = await client.metadata.getTable('n', 't');
  assert.deepStrictEqual(table.partitionKeys.map((key) => key.name), ['p']);
  assert.deepStrictEqual(table.clusteringKeys.map((key) => key.name), ['c']);
  assert.strictEqual(table.columns.length, 5);
  await client.execute('ALTER TABLE n.t ADD more bigint');
  await eventually(async () => assert.strictEqual((await client.metadata.getTable('n', 't')).columns.length, 6), 10);
  assert.strictEqual((await client.metadata.getUdt('n', 'address')).fields.length, 2);
});

check('types there and back', async (client) => {
  await client.execute(`CREATE TABLE n.types (id int PRIMARY KEY, a ascii, bi bigint, b blob, bo boolean, d date, de decimal, dou double, f float,
    i inet, si smallint, t text, ti time, ts timestamp, tu timeuuid, ty tinyint, u uuid, vi varint, du duration, l list<int>, s set<text>,
    m map<text, int>, tup tuple<int, text>, ud frozen<address>, v vector<float, 3>)`);
  const row = {
    id: 1, a: 'ascii', bi: types.Long.fromString('-9223372036854775808'), b: Buffer.from([0, 255]), bo: true,
    d: new types.LocalDate(2024, 2, 29), de: types.BigDecimal.fromString('-1.50'), dou: 1.5, f: 0.5, i: types.InetAddress.fromString('::1'),
    si: -32768, t: 'häß 日本', ti: types.LocalTime.fromString('23:59:59.999999999'), ts: new Date(1700000000123), tu: types.TimeUuid.now(),
    ty: -128, u: types.Uuid.random(), vi: types.Integer.fromString('123456789012345678901234567890'), du: new types.Duration(1, 2, types.Long.fromNumber(3)),
    l: [3, 1, 3], s: ['a', 'b'], m: { j: 2, k: 1 }, tup: new types.Tuple(1, 'x'), ud: { street: 'Main', numbers: [1, 2] },
    v: new Float32Array([1, 2.5, -3]),
  };
  const names = Object.keys(row);
  await client.execute(`INSERT INTO n.types (${names}) VALUES (${names.map(() => '?')})`, Object.values(row), prepared);
  const got = (await client.execute('SELECT * FROM n.types WHERE id = 1', [], prepared)).first();
  for (const name of names) {
    if (name === 'v') assert.deepStrictEqual(Array.from(got.v), Array.from(row.v));
    else if (name === 'ud') assert.deepStrictEqual({ ...got.ud }, row.ud);
    else assert.strictEqual(String(got[name]), String(row[name]), name);
  }
});

check('named markers and unset values', async (client) => {
  await client.execute('INSERT INTO n.t (p, c, v) VALUES (:p, :c, :v)', { p: 1, c: 1, v: 'kept' }, prepared);
  await client.execute('INSERT INTO n.t (p, c, v) VALUES (?, ?, ?)', [1, 1, undefined], prepared);
  assert.strictEqual((await client.execute('SELECT v FROM n.t WHERE p = ? AND c = ?', [1, 1], prepared)).first().v, 'kept');
  await client.execute('INSERT INTO n.t (p, c, v) VALUES (?, ?, ?)', [1, 2, 'simple'], { hints: ['int', 'int', 'text'] });
  assert.strictEqual((await client.execute('SELECT v FROM n.t WHERE p = 1')).rowLength, 2);
});

check('batches', async (client) => {
  const query = 'INSERT INTO n.t (p, c, v) VALUES (?, ?, ?)';
  for (const logged of [true, false]) {
    await client.batch(Array.from({ length: 40 }, (_, c) => ({ query, params: [2, c, `v${c}`] })), { prepare: true, logged });
  }
  assert.strictEqual(String((await client.execute('SELECT count(*) FROM n.t WHERE p = 2')).first().count), '40');
});

check('paging over 2,000 rows', async (client) => {
  await client.execute('CREATE TABLE n.paged (p int, c int, PRIMARY KEY (p, c))');
  const parameters = Array.from({ length: 2000 }, (_, n) => [n % 5, n]);
  const done = await cassandra.concurrent.executeConcurrent(client, 'INSERT INTO n.paged (p, c) VALUES (?, ?)', parameters);
  assert.strictEqual(done.errors.length, 0);
  const seen = new Set();
  for await (const row of await client.execute('SELECT * FROM n.paged', [], { prepare: true, fetchSize: 37 })) seen.add(row.c);
  assert.strictEqual(seen.size, 2000);
  const first = await client.execute('SELECT c FROM n.paged WHERE p = 1', [], { prepare: true, fetchSize: 10 });
  const second = await client.execute('SELECT c FROM n.paged WHERE p = 1', [], { prepare: true, fetchSize: 10, pageState: first.pageState });
  assert.deepStrictEqual([...first.rows, ...second.rows].map((row) => row.c), Array.from({ length: 20 }, (_, n) => 5 * n + 1));
});

check('errors by code', async (client) => {
  const codes = types.responseErrorCodes;
  await refused(client, 'SELEKT', codes.syntaxError, 'line 1:0');
  await refused(client, 'SELECT * FROM n.nowhere', codes.invalid, 'nowhere');
  await refused(client, 'SELECT nope FROM n.t', codes.invalid, 'nope');
  await refused(client, 'CREATE TABLE n.t (p int PRIMARY KEY)', codes.alreadyExists, 't');
});

check('nearest neighbours, and a restart under the open client', async (client) => {
  await client.execute('CREATE TABLE n.things (id int PRIMARY KEY, v vector<float, 3>)');
  await client.execute("CREATE CUSTOM INDEX things_v ON n.things (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'euclidean'}");
  for (let id = 0; id < 50; ++id) {
    await client.execute('INSERT INTO n.things (id, v) VALUES (?, ?)', [id, new Float32Array([id, 1, 0])], prepared);
  }
  const nearest = async () => (await client.execute('SELECT id FROM n.things ORDER BY v ANN OF ? LIMIT 3', [new Float32Array([10.2, 1, 0])], prepared))
    .rows.map((row) => row.id);
  assert.deepStrictEqual(await nearest(), [10, 11, 9]);
  await restartServer();
  await eventually(async () => assert.deepStrictEqual(await nearest(), [10, 11, 9]));
});

run(newClient());
