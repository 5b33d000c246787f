'use strict';
// LangGraph's conformance suite for checkpoint savers, all of it, over @gbyte.tech/langgraph-checkpoint-scylladb.
const assert = require('assert');
const path = require('path');
const { pathToFileURL } = require('url');
const { check, folder, run } = require('./checks.js');

// Seven tests fail on every server: this saver keeps of a checkpoint only the channels that its step changed, and does not carry
// over what was pending in checkpoints of older versions.
const SAVERS_OWN = /reconstructs c(hannels written by an ancestor|arried-over channels)|should migrate pending sends$/;
const SAVERS_OWN_COUNT = 7;
const TESTS = 718;
const GROUPS = ['put', 'putWrites', 'getTuple', 'list', 'deleteThread'];

// Every test that Vitest ran, as { name, group, state }.
async function validation() {
  const { startVitest } = await import(pathToFileURL(path.join(folder, 'node_modules', 'vitest', 'dist', 'node.js')));
  const tests = [];
  const reporter = {
    onTestCaseResult: (test) => tests.push({ name: test.fullName, group: test.fullName.split(' > ')[1], state: test.result().state }),
  };
  const vitest = await startVitest('test', [], {
    root: __dirname, include: ['langgraph_validation.mjs'], globals: true, watch: false, config: false, reporters: [reporter],
  });
  await vitest.close();
  return tests;
}

const passes = (test) => (test.state === 'passed') !== SAVERS_OWN.test(test.name);

check(`${TESTS} tests ran`, ({ tests }) => assert.strictEqual(tests.length, TESTS));

check('seven fail by the fault of the saver', ({ tests }) => {
  assert.strictEqual(tests.filter((test) => test.state === 'failed' && SAVERS_OWN.test(test.name)).length, SAVERS_OWN_COUNT);
});

for (const group of GROUPS) {
  check(`every other test of ${group} passes`, ({ tests }) => {
    const own = tests.filter((test) => test.group === `saver#${group}`);
    assert.notStrictEqual(own.length, 0);
    assert.deepStrictEqual(own.filter((test) => !passes(test)), []);
  });
}

(async () => run({ tests: await validation() }))();
