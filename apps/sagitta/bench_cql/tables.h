/// The tables on the server, and what is asked of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/load/client.h"
#include "sagitta/load/loops.h"

#include "data.h"

namespace sagitta::cql_bench {

/// A table of (id, tag, v).
struct TableSpec {
  std::string name;
  bool indexed = true;
};

Status make_keyspace(load::Client& client);
Status make_table(load::Client& client, const TableSpec& table, const Data& data, const BenchCqlOptions& options);
Status drop_table(load::Client& client, const TableSpec& table);

/// Sends OPTIONS: a request that costs the server its frame only.
class Empty final : public load::Workload {
 public:
  void ask(load::Client& client, uint64_t, load::Answered answered) override {
    client.send(wire::Options{}, std::move(answered));
  }
};

/// Executes a prepared statement with the values of each number.
class Prepared final : public load::Workload {
 public:
  using Values = std::function<std::vector<Bytes>(uint64_t number)>;
  Prepared(load::Statement statement, Values values) : statement_(std::move(statement)), values_(std::move(values)) {}
  void ask(load::Client& client, uint64_t number, load::Answered answered) override;
  /// The same, waiting for the answer.
  Result<wire::Response> ask_now(load::Client& client, uint64_t number, bool tracing);

 private:
  wire::Execute message(const std::vector<Bytes>& values) const;
  load::Statement statement_;
  Values values_;
};

/// The statements on one table.
class Statements {
 public:
  /// Prepares them. `data` outlives them.
  static Result<Statements> prepare(load::Client& client, const TableSpec& table, const Data& data, uint32_t k);

  /// INSERT of row `number`, modulo their count.
  Prepared insert() const;
  /// SELECT of one row by its key, in an order that has nothing to do with when rows came.
  Prepared read() const;
  /// The k nearest to each query: their ids, all columns, or the ids of those with one tag.
  Prepared ann() const { return nearest(ann_); }
  Prepared ann_star() const { return nearest(ann_star_); }
  Prepared filtered() const;
  /// Of ten requests, five ask for neighbours, four read a row, and one writes a row as it is
  /// again.
  std::unique_ptr<load::Workload> mixed() const;

 private:
  Prepared nearest(const load::Statement& statement) const;
  const Data* data_ = nullptr;
  load::Statement insert_, read_, ann_, ann_star_, filtered_;
};

/// The ids of an answer whose first column is one.
std::vector<uint32_t> ids_of(const wire::Response& response);
/// Asks each query once by `ann`; the mean recall.
Result<double> recall_by(Prepared& ann, load::Client& client, const Data& data);
/// How many rows the server says that it looked at for the filtered query, on average over a few;
/// by its traces.
Result<double> rows_tested(Prepared& filtered, load::Client& client);

}  // namespace sagitta::cql_bench
