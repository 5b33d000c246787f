'use strict';
// The saver under test, @gbyte.tech/langgraph-checkpoint-scylladb, on the server under test.
const path = require('path');
const { pathToFileURL } = require('url');
const { folder, place } = require('./checks.js');

const keyspace = 'langgraph';
const library = () => import(pathToFileURL(path.join(folder, 'node_modules/@gbyte.tech/langgraph-checkpoint-scylladb/dist/index.js')));

// Before the first saver: one that is told to set up by itself asks for its keyspace before it has made it.
async function setUp() {
  const { ScyllaDBSaver } = await library();
  await new ScyllaDBSaver(null, { ...place, keyspace }).setup();
}

async function newSaver(options) {
  const { ScyllaDBSaver } = await library();
  return ScyllaDBSaver.fromConfig({ ...place, keyspace, ...options });
}

module.exports = { keyspace, newSaver, setUp };
