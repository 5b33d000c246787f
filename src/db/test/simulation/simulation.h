/// A database of several log partitions with its clients, simulated on one thread from one seed:
/// slow lanes, faults of the logs, deadlines that pass, crashes and restarts, in any order of what
/// can come next. (Vector indexes link in threads of their own, which changes no answer.)
///
/// The statements go in bursts. After each one the simulation lets everything come to an end and
/// compares what is there with what the clients were told (history.h): rows, whole batches, and the
/// index against its rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "simulated_storage.h"

namespace sagitta::db::test {

struct SimulationOptions {
  uint64_t seed = 1;
  /// Statements that clients send.
  size_t operations = 200;
  Canary canary = Canary::kNone;
};

struct SimulationResult {
  /// Empty: everything that was found can be.
  std::string fault;
  /// A hash of every step, answer and row.
  uint64_t trace = 0;
  size_t answers = 0, crashes = 0, restarts = 0, reads = 0, rows_compared = 0, hits_compared = 0, open = 0,
         promised = 0;
  bool operator==(const SimulationResult&) const = default;
};

SimulationResult simulate(const SimulationOptions& options);

}  // namespace sagitta::db::test
