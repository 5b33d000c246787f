/// What clients did to registers, and whether there is an order of it that explains all that they
/// were told.
///
/// A register is a row with one value; a partition has some, and is written and read as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "history.h"

namespace sagitta::db::test {

/// Nothing: there is no row.
using Register = std::optional<int64_t>;
/// Of one partition, by row.
using Registers = std::vector<Register>;

struct RegisterCondition {
  enum class Kind : uint8_t { kExists, kAbsent, kIs, kIsNot, kLess };
  size_t row = 0;
  Kind kind = Kind::kExists;
  /// What the register is compared with.
  Register value;
};

/// A row and what is in its register.
using RowRegister = std::pair<size_t, Register>;

/// A conditional write, a write without conditions, or a read, which has neither conditions nor
/// effects.
struct RegisterOperation {
  int partition = 0;
  Moment called = 0, returned = kNever;
  std::vector<RegisterCondition> conditions;
  std::vector<RowRegister> effects;
  /// Nobody knows whether an unknown one was applied, or will be.
  enum class Outcome : uint8_t { kUnknown, kApplied, kNotApplied };
  Outcome outcome = Outcome::kUnknown;
  /// What the answer showed.
  std::vector<RowRegister> seen;
};
using RegisterHistory = std::vector<RegisterOperation>;

/// The registers after the operation; nothing when they do not explain its answer.
std::optional<Registers> after(const Registers& before, const RegisterOperation& operation);

/// Every partition has an order of its operations, each between its call and its return, in which
/// each answer follows from those before it. All registers are empty at first. Takes time and
/// memory that grow exponentially with the operations that overlap.
bool is_linearizable(const RegisterHistory& history);

/// A line of JSON, as test/linearizability/README.md has it.
std::string to_json(const RegisterHistory& history);

}  // namespace sagitta::db::test
