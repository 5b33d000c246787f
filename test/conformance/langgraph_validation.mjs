// LangGraph's conformance suite with the saver under test; langgraph_validation_suite.js runs this file under Vitest.
import { createRequire } from 'module';

const require = createRequire(import.meta.url);
const { cassandra, client, place } = require('./checks.js');
const { keyspace, newSaver, setUp } = require('./langgraph_saver.js');
const { validate } = client('@langchain/langgraph-checkpoint-validation');

const session = new cassandra.Client(place);

validate({
  checkpointerName: 'saver',
  beforeAll: setUp,
  afterAll: () => session.shutdown(),
  async createCheckpointer() {
    for (const table of ['checkpoints', 'checkpoint_writes']) await session.execute(`TRUNCATE ${keyspace}.${table}`);
    return newSaver();
  },
  destroyCheckpointer: (saver) => saver.end(),
});
