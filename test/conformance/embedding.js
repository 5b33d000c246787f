'use strict';
// embedding.py for Node: a word is a direction by its hash, a text the sum of its words at length 1.
const { createHash } = require('crypto');

const dimensions = 32;

const direction = (word) => Array.from(createHash('sha256').update(word).digest(), (byte) => byte - 127.5);

function embed(text) {
  const words = text.toLowerCase().split(/\s+/).map(direction);
  const total = words[0].map((_, i) => words.reduce((sum, word) => sum + word[i], 0));
  const length = Math.hypot(...total);
  return total.map((part) => part / length);
}

function cosine(a, b) {
  const other = embed(b);
  return embed(a).reduce((sum, part, i) => sum + part * other[i], 0);
}

// The `k` of `texts` that are most alike to `question`, best first, by comparing them all.
function nearest(texts, question, k) {
  return [...texts].sort((a, b) => cosine(b, question) - cosine(a, question)).slice(0, k);
}

// As LangChain.js wants embeddings.
const embeddings = { embedQuery: async (text) => embed(text), embedDocuments: async (texts) => texts.map(embed) };

module.exports = { cosine, dimensions, embeddings, nearest };
