/// The statements of simulated clients.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "history.h"

namespace sagitta::db::test {

/// Draws statements. One keyspace `s`; table `a` is there all the time, with a vector index at
/// times and more and more columns; table `b` comes and goes. A row tells who wrote it: op, and v =
/// a vector that follows from op.
class Client {
 public:
  /// Gives a number below its bound.
  using Draw = std::function<uint64_t(uint64_t bound)>;

  /// Two rows a partition of the table.
  static constexpr Key kKeys = 24, kRows = 2;
  static constexpr std::array<const char*, 2> kTables = {"a", "b"};

  explicit Client(Draw draw) : draw_(std::move(draw)) {}

  static std::vector<std::string> schema();
  static std::array<float, 2> vector_of(OperationId id);
  static std::string vector_text(OperationId id);

  /// A write, a batch, a truncation, or the drop of a table. Without a timestamp the server stamps.
  Operation operation(OperationId id, std::optional<int64_t> timestamp_us);
  /// What changes the schema and no rows. `number` of the column that it adds; 0: none.
  struct Change {
    std::string text;
    int column = 0;
  };
  Change change();
  /// The column is there: rows are written with it from now on.
  void know_column(int number) { known_columns_.insert(number); }
  const std::set<int>& known_columns() const { return known_columns_; }

  /// One key, all keys, or the nearest of a vector, which is refused while table `a` has no index.
  struct Read {
    std::string table, text;
    std::optional<Key> key;
    bool is_nearest = false;
  };
  Read read();

 private:
  bool chance(uint64_t one_in) { return draw_(one_in) == 0; }
  std::string some_table() { return kTables[chance(4)]; }
  std::string part(Operation& operation, Key key, bool deletes) const;
  Operation batch(Operation operation);

  const Draw draw_;
  int columns_ = 0;
  std::set<int> known_columns_;
};

}  // namespace sagitta::db::test
