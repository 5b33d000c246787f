/// Clients that write registers on conditions, on a simulated node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "registers.h"
#include "simulated_storage.h"

namespace sagitta::db::test {

struct RegisterRun {
  /// Empty: every answer was one that may come.
  std::string fault;
  RegisterHistory history;
  size_t crashes = 0, restarts = 0, unknown = 0, not_applied = 0;
};

/// INSERT, UPDATE and DELETE with and without conditions, batches of them, and reads at SERIAL over
/// four registers in two partitions, several at a time.
RegisterRun simulate_registers(uint64_t seed, size_t operations, Canary canary = Canary::kNone);

}  // namespace sagitta::db::test
