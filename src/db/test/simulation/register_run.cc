/// Draws statements over registers, and writes down what the clients were told.
#include "register_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <variant>

#include "sagitta/types/value.h"

#include "node.h"

namespace sagitta::db::test {
namespace {

using Kind = RegisterCondition::Kind;
using Outcome = RegisterOperation::Outcome;

constexpr int kPartitions = 2;
constexpr size_t kRows = 2;
/// Values that conditions may ask for.
constexpr size_t kRecent = 4;

std::string place(int partition, size_t row) { return fmt::format("p = {} AND c = {}", partition, row); }

class RegisterSimulation {
 public:
  RegisterSimulation(uint64_t seed, size_t operations, Canary canary) : node_(seed, canary), operations_(operations) {}

  RegisterRun run() {
    node_.open();
    node_.must(
        "CREATE KEYSPACE IF NOT EXISTS s WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    node_.must("CREATE TABLE IF NOT EXISTS s.r (p int, c int, v bigint, PRIMARY KEY (p, c))");
    while (node_.fault().empty() && run_.history.size() < operations_) burst();
    if (node_.fault().empty()) node_.close();
    std::erase_if(run_.history, [](const RegisterOperation& one) {
      const bool is_read = one.effects.empty();
      return one.called == kNever || (is_read && one.returned == kNever);
    });
    run_.fault = node_.fault();
    run_.crashes = node_.crashes();
    run_.restarts = node_.restarts();
    for (const RegisterOperation& one : run_.history) {
      run_.unknown += one.outcome == Outcome::kUnknown;
      run_.not_applied += one.outcome == Outcome::kNotApplied;
    }
    return run_;
  }

 private:
  uint64_t below(uint64_t bound) { return node_.below(bound); }
  bool chance(uint64_t one_in) { return node_.chance(one_in); }

  // ---- statements ----

  Register recent(int partition, size_t row) {
    const auto& values = recent_[{partition, row}];
    if (values.empty() || chance(8)) return std::nullopt;
    return chance(2) ? values.back() : values[below(values.size())];
  }
  void note(int partition, size_t row, const Register& value) {
    auto& values = recent_[{partition, row}];
    values.push_back(value);
    if (values.size() > kRecent) values.pop_front();
  }

  /// Ends a statement with a condition on the row.
  std::string conditioned(RegisterOperation& operation, size_t row) {
    const Register value = recent(operation.partition, row);
    const auto with = [&](Kind kind, const std::string& text) {
      operation.conditions.push_back({row, kind, kind == Kind::kExists ? Register() : value});
      return " IF " + text;
    };
    const std::string shown = value ? std::to_string(*value) : "null";
    switch (below(6)) {
      case 0: return with(Kind::kExists, "EXISTS");
      case 1: return with(Kind::kIsNot, "v != " + shown);
      case 2:
        if (value) return with(Kind::kLess, "v < " + shown);
        [[fallthrough]];
      default: return with(Kind::kIs, "v = " + shown);
    }
  }

  std::string write(RegisterOperation& operation, size_t row, bool has_condition) {
    const std::string where = place(operation.partition, row);
    const uint64_t roll = below(4);
    const int64_t value = ++last_value_;
    operation.effects.push_back({row, roll == 0 ? Register() : Register(value)});
    if (roll == 0) return "DELETE FROM s.r WHERE " + where + (has_condition ? conditioned(operation, row) : "");
    note(operation.partition, row, value);
    if (roll == 1) {
      if (has_condition) operation.conditions.push_back({row, Kind::kAbsent, {}});
      return fmt::format("INSERT INTO s.r (p, c, v) VALUES ({}, {}, {}){}", operation.partition, row, value,
                         has_condition ? " IF NOT EXISTS" : "");
    }
    return fmt::format("UPDATE s.r SET v = {} WHERE {}{}", value, where,
                       has_condition ? conditioned(operation, row) : "");
  }

  std::string batch(RegisterOperation& operation) {
    const bool is_conditional = !chance(4);
    const size_t conditioned_row = below(kRows);
    std::string text = "BEGIN BATCH ";
    for (size_t row = 0; row < kRows; ++row) {
      text += write(operation, row, is_conditional && (row == conditioned_row || chance(2))) + "; ";
    }
    return text + "APPLY BATCH";
  }

  std::string read(RegisterOperation& operation) {
    for (size_t row = 0; row < kRows; ++row) operation.seen.push_back({row, {}});
    if (chance(2)) return fmt::format("SELECT c, v FROM s.r WHERE p = {}", operation.partition);
    operation.seen = {operation.seen[below(kRows)]};
    return "SELECT c, v FROM s.r WHERE " + place(operation.partition, operation.seen[0].first);
  }

  std::string statement(RegisterOperation& operation) {
    operation.partition = static_cast<int>(below(kPartitions));
    const uint64_t roll = below(100);
    if (roll < 25) return read(operation);
    if (roll < 45) return batch(operation);
    return write(operation, below(kRows), roll < 90);
  }

  // ---- clients ----

  void burst() {
    node_.clock().advance_us(1'000'000);
    const size_t count = 4 + below(12), at_once = 2 + below(5);
    const size_t crash_after = chance(4) ? below(count) : count + 1;
    for (size_t sent = 0, steps = 0; sent < count || node_.under_way() > 0; ++steps) {
      if (steps > kStepsMax) return node_.fault("requests get no answer");
      if (sent >= crash_after && chance(30)) {
        node_.crash();
        return node_.open();
      }
      if (sent < count && node_.under_way() < at_once && chance(3)) {
        send();
        ++sent;
        continue;
      }
      (void)node_.step();
      if (chance(300)) node_.clock().advance_us(static_cast<int64_t>(below(3'000'000)));
      if (chance(2000)) node_.clock().advance_us(kFlushUs);
    }
    if (!node_.fault().empty() || !chance(4)) return;
    node_.run_until_idle();
    node_.close();
    node_.open();
  }

  void send() {
    RegisterOperation operation{.called = ++moment_};
    const std::string text = statement(operation);
    const size_t number = run_.history.size();
    run_.history.push_back(std::move(operation));
    const bool is_read = run_.history[number].effects.empty();
    RequestOptions options;
    if (is_read) options.consistency = types::Consistency::kSerial;
    node_.ask(text, options, false,
              [this, number, text](const Result<Answer>& answer) { take(run_.history[number], text, answer); });
  }

  /// Writes down what came. What was refused was never called.
  void take(RegisterOperation& operation, const std::string& text, const Result<Answer>& answer) {
    const bool is_read = operation.effects.empty();
    if (!answer) {
      const ErrorCode code = answer.error().code();
      if (code == ErrorCode::kInvalid) return node_.fault(text + ": " + answer.error().to_string());
      const bool is_refused = code == ErrorCode::kOverloaded || code == ErrorCode::kUnavailable;
      if (is_refused) operation.called = kNever;
      return;
    }
    operation.returned = ++moment_;
    operation.outcome = Outcome::kApplied;
    if (is_read || !operation.conditions.empty()) look(operation, std::get<Rows>(answer->body));
  }

  void look(RegisterOperation& operation, const Rows& rows) {
    const auto column = [&](std::string_view name) -> std::optional<size_t> {
      const auto found = std::ranges::find(rows.metadata->columns, name, &ColumnSpec::name);
      if (found == rows.metadata->columns.end()) return std::nullopt;
      return static_cast<size_t>(found - rows.metadata->columns.begin());
    };
    const auto cells = cells_of(rows);
    if (const auto applied = column("[applied]")) {
      if (cells[0][*applied] == types::from_bool(true)) return;
      operation.outcome = Outcome::kNotApplied;
      for (const RegisterCondition& one : operation.conditions) operation.seen.push_back({one.row, {}});
    }
    const auto c = column("c"), v = column("v");
    if (!v) return;
    for (const auto& row : cells) {
      const size_t number = c ? static_cast<size_t>(types::to_int32(*row[*c])) : operation.seen[0].first;
      const auto seen = std::ranges::find(operation.seen, number, &RowRegister::first);
      if (seen == operation.seen.end()) return node_.fault("an answer has a row that nobody asked for");
      seen->second = row[*v] ? Register(types::to_int64(*row[*v])) : Register();
      note(operation.partition, number, seen->second);
    }
  }

  SimulatedNode node_;
  const size_t operations_;
  std::map<std::pair<int, size_t>, std::deque<Register>> recent_;
  int64_t last_value_ = 0;
  Moment moment_ = 0;
  RegisterRun run_;
};

}  // namespace

RegisterRun simulate_registers(uint64_t seed, size_t operations, Canary canary) {
  return RegisterSimulation(seed, operations, canary).run();
}

}  // namespace sagitta::db::test
