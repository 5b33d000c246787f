/// A connection of a client: what system_views.clients shows of it, and how long its requests are
/// worth their work.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "sagitta/base/clock.h"

namespace sagitta::db {

/// What is known of a connection. A copy: it does not change.
struct ClientFacts {
  /// An IPv4 or IPv6 address in text.
  std::string address;
  uint16_t port = 0;
  /// Of its STARTUP; empty before.
  std::map<std::string, std::string> options = {};
  /// 0 before STARTUP.
  int protocol_version = 0;
  /// Of its last USE; empty: none.
  std::string keyspace = {};
};

/// Thread-safe. Made by the database (Database::connect); its session keeps it, and so does every
/// request of it.
class Client {
 public:
  /// `at_end` is called by the destructor, first.
  Client(std::string address, uint16_t port, std::function<void(const Client&)> at_end);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void start(int protocol_version, std::map<std::string, std::string> options);
  void use(std::string keyspace);
  void count_request() { requests_.fetch_add(1, std::memory_order_relaxed); }
  /// From this moment on, steady time, it does not wait for answers: reads end then.
  void leave(int64_t at_us) { patience_.bring_to(at_us); }

  ClientFacts facts() const;
  /// "10.0.0.1:50123"; of IPv6 "[::1]:50123".
  std::string endpoint() const;
  uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }
  const MovingDeadline& patience() const { return patience_; }

 private:
  const std::function<void(const Client&)> at_end_;
  mutable std::mutex mutex_;
  ClientFacts facts_;
  std::atomic<uint64_t> requests_{0};
  MovingDeadline patience_;
};
using ClientPtr = std::shared_ptr<Client>;

}  // namespace sagitta::db
