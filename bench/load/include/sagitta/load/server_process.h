/// A server to load: one of our own, or any process, and what the operating system says of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/async/runtime.h"
#include "sagitta/base/result.h"

namespace sagitta::load {

/// A process of this machine.
class Process {
 public:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid() const { return pid_; }
  /// CPU time of all its threads, ended ones too, in nanoseconds; 0 when there is no such process.
  int64_t cpu_ns() const;
  /// Waits until it does nothing: no more than the part `idle` of a core for half a second; at most
  /// `timeout_s`. False when it still works then.
  bool rest(double timeout_s, double idle = 0.01) const;
  /// Its most memory in RAM so far, in bytes.
  uint64_t peak_resident_bytes() const;

 private:
  pid_t pid_;
};

class ServerProcess : public Process {
 public:
  /// Starts `program serve --data DATA` on free ports of this machine, with `options` besides, and
  /// waits until it serves. Its log goes to DATA.log. kIo naming the log when it ends before that.
  static Result<std::unique_ptr<ServerProcess>> start(const std::string& program, const std::string& data,
                                                      const std::vector<std::string>& options = {});
  /// Stops it, cleanly, and waits.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const async::Endpoint& cql() const { return cql_; }

 private:
  explicit ServerProcess(pid_t pid) : Process(pid) {}
  async::Endpoint cql_;
};

/// The program that runs.
std::string own_program();

/// CPU time of the calling process.
int64_t own_cpu_ns();

}  // namespace sagitta::load
