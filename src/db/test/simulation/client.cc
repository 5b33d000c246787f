/// Statements, and what they do.
#include "client.h"

#include <fmt/format.h>

#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

#include "simulated_storage.h"

namespace sagitta::db::test {
namespace {

constexpr int kColumnsMax = 6;
constexpr Key kRows = Client::kRows;

log::Partition partition_of(Key key) {
  const int64_t token = types::token_of(types::from_int32(key / kRows));
  return static_cast<log::Partition>(types::partition_of(token, kSimulatedPartitions));
}

std::string condition(Key key) { return fmt::format("p = {} AND c = {}", key / kRows, key % kRows); }

}  // namespace

std::vector<std::string> Client::schema() {
  std::vector<std::string> statements = {
      "CREATE KEYSPACE IF NOT EXISTS s WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"};
  for (const char* table : kTables) {
    statements.push_back(fmt::format(
        "CREATE TABLE IF NOT EXISTS s.{} (p int, c int, op bigint, v vector<float, 2>, PRIMARY KEY (p, c))", table));
  }
  return statements;
}

std::array<float, 2> Client::vector_of(OperationId id) {
  return {static_cast<float>(id % 17), static_cast<float>(id * 7 % 23)};
}

std::string Client::vector_text(OperationId id) {
  const auto [x, y] = vector_of(id);
  return fmt::format("[{}, {}]", x, y);
}

/// A statement that writes or deletes a row, and what it does.
std::string Client::part(Operation& operation, Key key, bool deletes) const {
  operation.effects.push_back({.key = key, .deletes = deletes, .partition = partition_of(key)});
  const std::string stamp =
      operation.timestamp_us ? fmt::format(" USING TIMESTAMP {}", *operation.timestamp_us) : std::string();
  if (deletes) return fmt::format("DELETE FROM s.{}{} WHERE {}", operation.table, stamp, condition(key));
  std::string names, values;
  if (operation.extra_column > 0) {
    names = fmt::format(", x{}", operation.extra_column);
    values = fmt::format(", {}", operation.id);
  }
  return fmt::format("INSERT INTO s.{} (p, c, op, v{}) VALUES ({}, {}, {}, {}{}){}", operation.table, names,
                     key / kRows, key % kRows, operation.id, vector_text(operation.id), values, stamp);
}

Operation Client::batch(Operation operation) {
  using Kind = Operation::Kind;
  operation.kind = chance(3) ? Kind::kUnloggedBatch : Kind::kLoggedBatch;
  std::set<Key> keys;
  for (uint64_t left = 2 + draw_(4); left > 0; --left) keys.insert(static_cast<Key>(draw_(kKeys)));
  operation.text = operation.kind == Kind::kUnloggedBatch ? "BEGIN UNLOGGED BATCH " : "BEGIN BATCH ";
  for (const Key key : keys) operation.text += part(operation, key, chance(5)) + "; ";
  operation.text += "APPLY BATCH";
  return operation;
}

Operation Client::operation(OperationId id, std::optional<int64_t> timestamp_us) {
  Operation operation{.id = id, .table = some_table(), .timestamp_us = timestamp_us};
  if (operation.table == "a" && !known_columns_.empty()) operation.extra_column = *known_columns_.rbegin();
  const uint64_t roll = draw_(100);
  if (roll < 5) {
    operation.kind = Operation::Kind::kTruncate;
    const bool drops = operation.table == "b" && chance(2);
    operation.text = (drops ? "DROP TABLE IF EXISTS s." : "TRUNCATE s.") + operation.table;
    return operation;
  }
  if (roll < 35) return batch(std::move(operation));
  const auto key = static_cast<Key>(draw_(kKeys));
  if (roll < 40) {
    const Key first = key - key % kRows;
    for (Key row = first; row < first + kRows; ++row) (void)part(operation, row, true);
    const std::string stamp = timestamp_us ? fmt::format(" USING TIMESTAMP {}", *timestamp_us) : std::string();
    operation.text = fmt::format("DELETE FROM s.{}{} WHERE p = {}", operation.table, stamp, key / kRows);
    return operation;
  }
  operation.text = part(operation, key, roll < 50);
  return operation;
}

Client::Change Client::change() {
  switch (draw_(6)) {
    case 0:
    case 1: return {schema()[2]};
    case 2: return {"DROP INDEX IF EXISTS s.a_v"};
    case 3:
      if (columns_ < kColumnsMax) {
        ++columns_;
        return {fmt::format("ALTER TABLE s.a ADD x{} bigint", columns_), columns_};
      }
      [[fallthrough]];
    default:
      return {
          fmt::format("CREATE CUSTOM INDEX IF NOT EXISTS a_v ON s.a (v) USING '{}' WITH OPTIONS = "
                      "{{'similarity_function': 'EUCLIDEAN'}}",
                      chance(3) ? "scan_index" : "vector_index")};
  }
}

Client::Read Client::read() {
  const std::string table = some_table();
  const uint64_t roll = draw_(10);
  if (roll < 6) {
    const auto key = static_cast<Key>(draw_(kKeys));
    return {table, fmt::format("SELECT p, c, op FROM s.{} WHERE {}", table, condition(key)), key};
  }
  if (roll < 8) return {table, fmt::format("SELECT p, c, op FROM s.{}", table), std::nullopt};
  return {"a",
          fmt::format("SELECT p, c, op FROM s.a ORDER BY v ANN OF {} LIMIT 5",
                      vector_text(static_cast<OperationId>(draw_(100)))),
          std::nullopt, true};
}

}  // namespace sagitta::db::test
