/// A search through the orders that the moments allow, after Wing and Gong. What was done and what
/// it led to is remembered, so that no such pair is gone through twice.
#include "registers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace sagitta::db::test {
namespace {

using Kind = RegisterCondition::Kind;
using Outcome = RegisterOperation::Outcome;

Register at(const Registers& registers, size_t row) { return row < registers.size() ? registers[row] : Register(); }

bool holds(const RegisterCondition& condition, const Registers& registers) {
  const Register found = at(registers, condition.row);
  switch (condition.kind) {
    case Kind::kExists: return found.has_value();
    case Kind::kAbsent: return !found.has_value();
    case Kind::kIs: return found == condition.value;
    case Kind::kIsNot: return found != condition.value;
    case Kind::kLess: return found && *found < *condition.value;
  }
  return false;
}

void put(const std::vector<RowRegister>& effects, Registers& registers) {
  for (const auto& [row, value] : effects) {
    if (row >= registers.size()) registers.resize(row + 1);
    registers[row] = value;
  }
}

/// Of one partition.
class Search {
 public:
  explicit Search(std::vector<const RegisterOperation*> operations)
      : operations_(std::move(operations)), done_(operations_.size(), false) {}

  bool finds_order(const Registers& registers) {
    if (is_over()) return true;
    if (!tried_.emplace(done_, registers).second) return false;
    const Moment first_return = next_return();
    for (size_t i = 0; i < operations_.size(); ++i) {
      if (done_[i] || operations_[i]->called > first_return) continue;
      const auto next = after(registers, *operations_[i]);
      if (!next) continue;
      done_[i] = true;
      if (finds_order(*next)) return true;
      done_[i] = false;
    }
    return false;
  }

 private:
  /// What never returned may have done nothing.
  bool is_over() const { return next_return() == kNever; }
  Moment next_return() const {
    Moment first = kNever;
    for (size_t i = 0; i < operations_.size(); ++i) {
      if (!done_[i]) first = std::min(first, operations_[i]->returned);
    }
    return first;
  }

  const std::vector<const RegisterOperation*> operations_;
  std::vector<bool> done_;
  std::set<std::pair<std::vector<bool>, Registers>> tried_;
};

std::string json_of(const Register& value) { return value ? std::to_string(*value) : "null"; }

std::string json_of(const std::vector<RowRegister>& registers) {
  std::vector<std::string> parts;
  for (const auto& [row, value] : registers)
    parts.push_back(fmt::format(R"({{"row":{},"value":{}}})", row, json_of(value)));
  return fmt::format("[{}]", fmt::join(parts, ","));
}

std::string json_of(const std::vector<RegisterCondition>& conditions) {
  static constexpr const char* kKinds[] = {"exists", "absent", "=", "!=", "<"};
  std::vector<std::string> parts;
  for (const RegisterCondition& condition : conditions) {
    parts.push_back(fmt::format(R"({{"row":{},"is":"{}","value":{}}})", condition.row,
                                kKinds[static_cast<size_t>(condition.kind)], json_of(condition.value)));
  }
  return fmt::format("[{}]", fmt::join(parts, ","));
}

std::string json_of(const RegisterOperation& operation) {
  static constexpr const char* kOutcomes[] = {"unknown", "applied", "not applied"};
  return fmt::format(R"({{"partition":{},"call":{},"return":{},"if":{},"set":{},"outcome":"{}","seen":{}}})",
                     operation.partition, operation.called,
                     operation.returned == kNever ? "null" : std::to_string(operation.returned),
                     json_of(operation.conditions), json_of(operation.effects),
                     kOutcomes[static_cast<size_t>(operation.outcome)], json_of(operation.seen));
}

}  // namespace

std::optional<Registers> after(const Registers& before, const RegisterOperation& operation) {
  const bool is_met = std::ranges::all_of(operation.conditions, [&](const auto& one) { return holds(one, before); });
  const bool is_told = operation.outcome != Outcome::kUnknown;
  if (is_told && is_met != (operation.outcome == Outcome::kApplied)) return std::nullopt;
  const bool is_seen = std::ranges::all_of(
      operation.seen, [&](const RowRegister& seen) { return at(before, seen.first) == seen.second; });
  if (!is_seen) return std::nullopt;
  Registers registers = before;
  if (is_met) put(operation.effects, registers);
  return registers;
}

bool is_linearizable(const RegisterHistory& history) {
  std::map<int, std::vector<const RegisterOperation*>> by_partition;
  for (const RegisterOperation& operation : history) by_partition[operation.partition].push_back(&operation);
  return std::ranges::all_of(by_partition, [](const auto& entry) { return Search(entry.second).finds_order({}); });
}

std::string to_json(const RegisterHistory& history) {
  std::vector<std::string> parts;
  for (const RegisterOperation& operation : history) parts.push_back(json_of(operation));
  return fmt::format(R"({{"linearizable":true,"operations":[{}]}})", fmt::join(parts, ","));
}

}  // namespace sagitta::db::test
