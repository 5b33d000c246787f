'use strict';
// LangGraph over @gbyte.tech/langgraph-checkpoint-scylladb: a graph whose steps are checkpoints.
const assert = require('assert');
const { check, client, eventually, restartServer, run } = require('./checks.js');
const { newSaver, setUp } = require('./langgraph_saver.js');
const { Annotation, END, START, StateGraph } = client('@langchain/langgraph');

// Two nodes that append their names; the first adds to a sum too.
function graphOn(checkpointer) {
  const State = Annotation.Root({
    path: Annotation({ reducer: (old, more) => [...old, ...more], default: () => [] }),
    sum: Annotation({ reducer: (old, more) => old + more, default: () => 0 }),
  });
  return new StateGraph(State).addNode('plan', (state) => ({ path: ['plan'], sum: state.path.length }))
    .addNode('act', () => ({ path: ['act'], sum: 10 })).addEdge(START, 'plan').addEdge('plan', 'act').addEdge('act', END)
    .compile({ checkpointer });
}

const thread = (id) => ({ configurable: { thread_id: id } });

async function collect(history) {
  const all = [];
  for await (const state of history) all.push(state);
  return all;
}

check('a run leaves its state', async ({ saver }) => {
  const graph = graphOn(saver);
  assert.deepStrictEqual(await graph.invoke({ sum: 1 }, thread('run')), { path: ['plan', 'act'], sum: 11 });
  const state = await graph.getState(thread('run'));
  assert.deepStrictEqual([state.values, state.next], [{ path: ['plan', 'act'], sum: 11 }, []]);
});

check('history, newest first', async ({ saver }) => {
  const history = await collect(graphOn(saver).getStateHistory(thread('run')));
  assert.deepStrictEqual(history.map((state) => state.metadata.step), [2, 1, 0, -1]);
  assert.deepStrictEqual(history.map((state) => state.next), [[], ['act'], ['plan'], ['__start__']]);
});

check('a run goes on where it was interrupted', async ({ saver }) => {
  const graph = graphOn(saver);
  await graph.invoke({ sum: 0 }, { ...thread('paused'), interruptBefore: ['act'] });
  assert.deepStrictEqual((await graph.getState(thread('paused'))).next, ['act']);
  assert.deepStrictEqual((await graph.invoke(null, thread('paused'))).path, ['plan', 'act']);
});

check('time travel: a fork from an earlier step', async ({ saver }) => {
  const graph = graphOn(saver);
  const before = (await collect(graph.getStateHistory(thread('run')))).find((state) => state.next[0] === 'act');
  // Of every channel: the saver keeps only those that a step changed.
  const fork = await graph.updateState(before.config, { path: ['think'], sum: 100 });
  assert.deepStrictEqual(await graph.invoke(null, fork), { path: ['plan', 'think', 'act'], sum: 111 });
  assert.strictEqual((await collect(graph.getStateHistory(thread('run')))).length, 6);
  assert.deepStrictEqual((await graph.getState(before.config)).values, before.values);
});

check('threads apart, and one deleted', async ({ saver }) => {
  const graph = graphOn(saver);
  await Promise.all(['x', 'y', 'z'].map((id, n) => graph.invoke({ sum: n * 1000 }, thread(id))));
  await saver.deleteThread('y');
  const sums = await Promise.all(['x', 'y', 'z'].map(async (id) => (await graph.getState(thread(id))).values.sum));
  assert.deepStrictEqual(sums, [10, undefined, 2010]);
});

check('checkpoints that expire', async () => {
  const saver = await newSaver({ ttlConfig: { defaultTTLSeconds: 4 } });
  const graph = graphOn(saver);
  await graph.invoke({ sum: 1 }, thread('mortal'));
  assert.strictEqual((await graph.getState(thread('mortal'))).values.sum, 11);
  await eventually(async () => assert.strictEqual((await graph.getState(thread('mortal'))).values.sum, undefined), 10);
  await saver.end();
});

check('a run goes on after a restart', async ({ saver }) => {
  const graph = graphOn(saver);
  await graph.invoke({ sum: 5 }, { ...thread('restarted'), interruptBefore: ['act'] });
  await restartServer();
  assert.deepStrictEqual(await eventually(() => graph.invoke(null, thread('restarted'))), { path: ['plan', 'act'], sum: 15 });
});

(async () => {
  await setUp();
  await run({ saver: await newSaver() });
})();
