/// Draws what comes next, and looks at what is there.
#include "simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "sagitta/types/value.h"

#include "client.h"
#include "history.h"
#include "node.h"

namespace sagitta::db::test {
namespace {

/// A row of an answer.
struct FoundRow {
  Key key = 0;
  OperationId op = 0;
  std::vector<Value> cells;  ///< as they were selected
};

Result<std::vector<FoundRow>> rows_of(const Result<Answer>& answer) {
  if (!answer) return fail(answer);
  std::vector<FoundRow> all;
  for (auto& cells : cells_of(std::get<Rows>(answer->body))) {
    FoundRow row{.cells = std::move(cells)};
    row.key = types::to_int32(*row.cells[0]) * Client::kRows + types::to_int32(*row.cells[1]);
    row.op = row.cells[2] ? types::to_int64(*row.cells[2]) : 0;
    all.push_back(std::move(row));
  }
  return all;
}

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options),
        node_(options.seed, options.canary),
        client_([this](uint64_t bound) { return node_.below(bound); }) {}

  SimulationResult run() {
    node_.open();
    for (const std::string& statement : Client::schema()) node_.must(statement);
    settle();
    while (node_.fault().empty() && sent_ < options_.operations) burst();
    if (node_.fault().empty()) node_.close();
    result_.fault = node_.fault();
    result_.trace = node_.traced();
    result_.answers = node_.answers();
    result_.crashes = node_.crashes();
    result_.restarts = node_.restarts();
    return result_;
  }

 private:
  bool chance(uint64_t one_in) { return node_.chance(one_in); }
  void fault(const std::string& what) { node_.fault(what); }
  void crash();

  // ---- the clients ----

  void burst();
  void send();
  void send_operation();
  int64_t random_timestamp(OperationId id);
  void send_change();
  void send_read();
  void ask(const std::string& text, SimulatedNode::OnAnswer on_answer);
  void answer(OperationId id, const Result<Answer>& answer);
  void look(const Client::Read& read, Moment began, const Result<Answer>& answer);

  // ---- what is there ----

  void settle();
  void settle(const std::string& table);
  void check_cells(const std::string& table, const FoundRow& row);
  void check_index(const std::map<Key, OperationId>& rows);

  const SimulationOptions options_;
  SimulatedNode node_;
  Client client_;
  History history_;
  std::map<OperationId, int> extra_columns_;
  Moment moment_ = 0;
  size_t sent_ = 0;
  OperationId last_id_ = 0;
  bool server_stamps_ = false, needs_restart_ = false;
  SimulationResult result_;
};

/// Whoever waits for an answer gets none.
void Simulation::crash() {
  node_.crash();
  for (const auto& [id, operation] : history_.operations()) {
    if (operation.told == Told::kNothing) history_.operation(id).told = Told::kOpen;
  }
}

// ---- the clients ----

void Simulation::burst() {
  // Stamps of the bursts do not overlap.
  node_.clock().advance_us(2'000'000);
  server_stamps_ = chance(3);
  const size_t count = 4 + node_.below(16), at_once = 1 + node_.below(8);
  const size_t crash_after = chance(2) ? node_.below(count) : count + 1;
  for (size_t sent = 0, steps = 0; sent < count || node_.under_way() > 0; ++steps) {
    if (steps > kStepsMax) return fault("requests get no answer");
    if (sent >= crash_after && chance(30)) {
      crash();
      node_.open();
      break;
    }
    if (sent < count && node_.under_way() < at_once && chance(3)) {
      send();
      ++sent;
      continue;
    }
    (void)node_.step();
    if (chance(300)) node_.clock().advance_us(static_cast<int64_t>(node_.below(3'000'000)));
    if (chance(20'000)) node_.clock().advance_us(kFlushUs);
  }
  if (!node_.fault().empty()) return;
  node_.run_until_idle();
  const bool is_open = std::ranges::any_of(history_.operations(), [](const auto& entry) {
    return entry.second.told == Told::kOpen || entry.second.told == Told::kPromised;
  });
  if (is_open || needs_restart_ || chance(6)) {
    chance(2) ? crash() : node_.close();
    node_.open();
  }
  needs_restart_ = false;
  if (node_.fault().empty()) settle();
}

void Simulation::send() {
  ++sent_;
  const uint64_t roll = node_.below(100);
  if (roll < 65) return send_operation();
  if (roll < 72) return send_change();
  send_read();
}

void Simulation::ask(const std::string& text, SimulatedNode::OnAnswer on_answer) {
  ++moment_;
  node_.ask(text, {}, false, std::move(on_answer));
}

/// Later writes may have earlier ones; those of a burst are all newer than those of the burst
/// before.
int64_t Simulation::random_timestamp(OperationId id) {
  return node_.clock().now_us() + static_cast<int64_t>(node_.below(1000)) * 1000 + id % 1000;
}

void Simulation::send_operation() {
  const OperationId id = ++last_id_;
  const auto stamp = server_stamps_ ? std::nullopt : std::optional(random_timestamp(id));
  Operation operation = client_.operation(id, stamp);
  operation.submitted = ++moment_;
  node_.trace(operation.text);
  extra_columns_[id] = operation.extra_column;
  const std::string text = history_.add(std::move(operation)).text;
  ask(text, [this, id](const Result<Answer>& told) { answer(id, told); });
}

void Simulation::answer(OperationId id, const Result<Answer>& answer) {
  Operation& operation = history_.operation(id);
  operation.answered = ++moment_;
  if (answer) {
    operation.told = Told::kDone;
    return;
  }
  const bool is_several = std::ranges::any_of(
      operation.effects, [&](const Effect& effect) { return effect.partition != operation.effects.front().partition; });
  const ErrorCode code = answer.error().code();
  const bool is_refused =
      (code == ErrorCode::kInvalid && !is_several) || code == ErrorCode::kOverloaded || code == ErrorCode::kUnavailable;
  const bool is_promised =
      answer.error().message().find("and will be") != std::string::npos ||
      (is_several && operation.kind == Operation::Kind::kLoggedBatch && answer.error().subject() == "BATCH");
  operation.told = is_refused ? Told::kRefused : is_promised ? Told::kPromised : Told::kOpen;
  result_.open += operation.told == Told::kOpen;
  result_.promised += operation.told == Told::kPromised;
}

void Simulation::send_change() {
  const Client::Change change = client_.change();
  node_.trace(change.text);
  ask(change.text, [this, column = change.column](const Result<Answer>& answer) {
    if (answer && column > 0) client_.know_column(column);
    if (!answer && answer.error().code() != ErrorCode::kInvalid) needs_restart_ = true;
  });
}

void Simulation::send_read() {
  const Client::Read read = client_.read();
  node_.trace(read.text);
  ask(read.text, [this, read, began = ++moment_](const Result<Answer>& answer) { look(read, began, answer); });
}

void Simulation::look(const Client::Read& read, Moment began, const Result<Answer>& answer) {
  const auto rows = rows_of(answer);
  // The table or its index may not be there.
  if (!rows) {
    const bool may_be_refused = read.table == "b" || read.is_nearest;
    const ErrorCode code = rows.error().code();
    if (code != ErrorCode::kReadTimeout && !(may_be_refused && code == ErrorCode::kInvalid))
      fault(fmt::format("{}: {}", read.text, rows.error().to_string()));
    return;
  }
  ++result_.reads;
  const Moment answered = ++moment_;
  std::map<Key, OperationId> found;
  for (const FoundRow& row : *rows) {
    node_.trace("row", static_cast<uint64_t>(row.key) << 32 | static_cast<uint64_t>(row.op));
    if (!found.emplace(row.key, row.op).second) fault(fmt::format("{}: key {} twice", read.text, row.key));
  }
  for (Key key = 0; key < Client::kKeys; ++key) {
    if (read.key && *read.key != key) continue;
    const auto row = found.find(key);
    if (read.is_nearest && row == found.end()) continue;
    const std::string wrong =
        history_.read(read.table, key, row == found.end() ? Found() : Found(row->second), began, answered);
    if (!wrong.empty()) fault(fmt::format("{}: {}", read.text, wrong));
  }
}

// ---- what is there ----

void Simulation::settle() {
  node_.run_until_idle();
  node_.wait_for_indexes();
  for (const char* table : Client::kTables) {
    if (node_.fault().empty()) settle(table);
  }
  history_.forget();
}

void Simulation::settle(const std::string& table) {
  std::string columns = "p, c, op, v";
  for (const int column : client_.known_columns()) columns += table == "a" ? fmt::format(", x{}", column) : "";
  const auto answer = node_.ask_now(fmt::format("SELECT {} FROM s.{}", columns, table));
  std::map<Key, OperationId> found;
  if (answer) {
    const auto rows = rows_of(answer);
    for (const FoundRow& row : *rows) {
      node_.trace("row", static_cast<uint64_t>(row.key) << 32 | static_cast<uint64_t>(row.op));
      if (!found.emplace(row.key, row.op).second) fault(fmt::format("table {}: key {} twice", table, row.key));
      check_cells(table, row);
    }
    result_.rows_compared += found.size();
  } else if (answer.error().code() != ErrorCode::kInvalid || table == "a") {
    return fault(fmt::format("table {}: {}", table, answer.error().to_string()));
  }
  if (const std::string wrong = history_.settle(table, found, Client::kKeys); !wrong.empty()) fault(wrong);
  if (table == "a") check_index(found);
}

/// A row is of one writer, all of it.
void Simulation::check_cells(const std::string& table, const FoundRow& row) {
  const auto check = [&](const std::string& column, const Value& found, const Bytes& expected) {
    if (found == expected) return;
    fault(fmt::format("table {}, key {}: {} wrote the row, but {} is {}, not {}", table, row.key, row.op, column,
                      found ? to_hex(*found) : "null", to_hex(expected)));
  };
  check("v", row.cells[3], types::from_floats(Client::vector_of(row.op)));
  const int written = table == "a" ? extra_columns_[row.op] : 0;
  size_t place = 4;
  for (const int column : client_.known_columns()) {
    if (table == "a" && column == written)
      check(fmt::format("x{}", column), row.cells[place], types::from_int64(row.op));
    ++place;
  }
}

void Simulation::check_index(const std::map<Key, OperationId>& rows) {
  const auto indexes = node_.ask_now("SELECT index_name FROM system_schema.indexes WHERE keyspace_name = 's'");
  if (!indexes) return fault(indexes.error().to_string());
  if (std::get<Rows>(indexes->body).row_count == 0) return;
  const auto asked = static_cast<OperationId>(node_.below(100));
  const auto answer =
      node_.ask_now(fmt::format("SELECT p, c, op FROM s.a ORDER BY v ANN OF {} LIMIT 100", Client::vector_text(asked)));
  const auto hits = rows_of(answer);
  if (!hits) return fault(fmt::format("the index: {}", hits.error().to_string()));
  const auto query = Client::vector_of(asked);
  std::map<Key, OperationId> found;
  double last = -1;
  for (const FoundRow& hit : *hits) {
    const auto vector = Client::vector_of(hit.op);
    const double x = vector[0] - query[0], y = vector[1] - query[1];
    if (x * x + y * y < last - 1e-3) fault(fmt::format("the index: key {} is out of order", hit.key));
    last = x * x + y * y;
    found[hit.key] = hit.op;
  }
  result_.hits_compared += found.size();
  if (found != rows || hits->size() != rows.size())
    fault(fmt::format("the index has {} rows, the table {}", hits->size(), rows.size()));
}

}  // namespace

SimulationResult simulate(const SimulationOptions& options) { return Simulation(options).run(); }

}  // namespace sagitta::db::test
