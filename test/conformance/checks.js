'use strict';
// What the Node suites share: a check is a function; each prints one line, 'ok NAME' or 'FAIL NAME', and runs even if one before it
// failed. From the environment: CLIENT_FOLDER, whose node_modules hold the clients, and CQL_PORT of the server.
const path = require('path');
const { createRequire } = require('module');

const folder = path.resolve(process.env.CLIENT_FOLDER);
const client = createRequire(path.join(folder, 'package.json'));
const cassandra = client('cassandra-driver');
const place = { contactPoints: [`127.0.0.1:${process.env.CQL_PORT}`], localDataCenter: 'datacenter1' };

const checks = [];

function check(name, body) { checks.push({ name, body }); }

// Asks the runner, which owns the server.
function restartServer() {
  return new Promise((resolve) => { process.stdin.once('data', resolve).resume(); console.log('@restart'); });
}

// What body() answers once it stops failing.
async function eventually(body, seconds = 60) {
  for (const deadline = Date.now() + seconds * 1000; ;) {
    try { return await body(); } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

// Runs every check with `context` and ends the process, with status 1 if one failed.
async function run(context) {
  let failed = 0;
  for (const { name, body } of checks) {
    try {
      await body(context);
      console.log(`ok ${name}`);
    } catch (error) {
      ++failed;
      console.log(`FAIL ${name}\n    ${String(error.stack).replace(/\n/g, '\n    ')}`);
    }
  }
  process.exit(failed ? 1 : 0);
}

module.exports = { cassandra, check, client, eventually, folder, place, restartServer, run };
