/// The two ways to load a server. In the closed loop so many requests are in flight on each
/// connection, and an answer makes room for the next: throughput is what the server gives,
/// latencies are what a caller waits. In the open loop requests are due at a fixed rate whatever
/// the server does, and a latency runs from the moment its request was due: one that waits because
/// others are slow counts as slow (no coordinated omission).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "sagitta/base/result.h"
#include "sagitta/load/client.h"
#include "sagitta/load/histogram.h"

namespace sagitta::load {

/// What is asked. Called on the clients' cores, with several clients from several at once.
class Workload {
 public:
  virtual ~Workload() = default;
  /// Sends request `number` by `client`, and passes on the answer. Numbers count from 0, each is
  /// asked once.
  virtual void ask(Client& client, uint64_t number, Answered answered) = 0;
};

struct LoopOptions {
  uint32_t depth = 1;              ///< closed loop: requests in flight on each connection
  double rate = 0;                 ///< requests a second over all connections: the open loop; 0: the closed one
  double seconds = 1;              ///< no request is begun later
  uint64_t requests = UINT64_MAX;  ///< as many at most
};

struct LoopResult {
  uint64_t answered = 0;  ///< without an error
  uint64_t failed = 0;
  std::optional<Error> first_error;
  double seconds = 0;   ///< until the last answer
  Histogram latencies;  ///< of those answered without an error
  double rate() const { return seconds > 0 ? static_cast<double>(answered) / seconds : 0; }
};

/// Runs until all that was asked is answered. The closed loop ends at the first error that is no
/// overload and no timeout. Blocks the caller, which is no core.
LoopResult run_loop(std::span<const ClientPtr> clients, Workload& workload, const LoopOptions& options);

}  // namespace sagitta::load
