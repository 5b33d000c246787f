/// A naive twin of the database for the model test: it remembers every write ever made to a table and works out what is
/// visible at each read. It shares nothing with the engine but the bytes of values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/base/bytes.h"

namespace sagitta::db::test {

using Ints = std::vector<int32_t>;

enum class TwinType { kInt, kText, kVector, kSet, kMap };

struct TwinColumn {
  std::string name;
  TwinType type = TwinType::kInt;
  bool is_static = false;
};

/// One write of one value: what it was, when, and until which second it lives (0: for ever).
struct TwinWrite {
  int64_t ts = 0;
  Value value;
  int64_t expires_s = 0;
};

/// A deletion of all rows whose key begins with `prefix` and whose next component lies in [low, high].
struct TwinDeletion {
  int64_t ts = 0;
  Ints prefix;
  int64_t low = INT64_MIN, high = INT64_MAX;
  bool covers_static = false;
};

/// Everything ever written to one column of one row.
struct TwinCell {
  std::vector<TwinWrite> writes;
  std::vector<int64_t> clears;
  std::map<Bytes, std::vector<TwinWrite>> elements;
};

struct TwinRow {
  std::vector<TwinWrite> markers;
  std::map<std::string, TwinCell> cells;
};

struct TwinPartition {
  std::vector<TwinDeletion> deletions;
  TwinRow statics;
  std::map<Ints, TwinRow> rows;
};

/// A visible row: key components, then the columns of the table in order.
struct TwinResult {
  Ints partition;
  std::optional<Ints> clustering;
  std::map<std::string, Value> values;
};

struct TwinTable {
  size_t partition_columns = 1, clustering_columns = 0;
  bool descending = false;
  std::vector<TwinColumn> columns;
  std::map<Ints, TwinPartition> partitions;
  bool has_index = false;
  std::string similarity;

  const TwinColumn* column(const std::string& name) const;
  /// All visible rows at second `now_s`, by partition and in clustering order.
  std::vector<TwinResult> read(int64_t now_s) const;
  /// Forgets what a dropped column held.
  void forget(const std::string& column);
};

/// The similarity that CQL reports, from the bytes of two vectors.
double twin_similarity(const std::string& function, const Bytes& a, const Bytes& b);

}  // namespace sagitta::db::test
