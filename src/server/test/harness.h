/// What sessions talk to, without sockets and without a database.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sagitta/async/runtime.h"
#include "sagitta/base/executor.h"
#include "sagitta/db/database.h"

namespace sagitta::server::test {

/// A connection whose other end takes bytes only when the test says so.
class FakeConnection final : public async::Connection {
 public:
  void send(Bytes bytes) override {
    sent += bytes;
    longest_send = std::max(longest_send, bytes.size());
    unsent_ += bytes.size();
  }
  void finish() override { finished = true; }
  size_t unsent_bytes() const override { return unsent_; }
  void pause_reading(bool is_paused) override { paused = is_paused; }
  void dispatch(std::function<void()> work) override { work(); }
  void post(std::function<void()> work) override { posted.push_back(std::move(work)); }
  const async::Endpoint& peer() const override { return peer_; }

  /// The client reads all there is.
  void drain(async::ConnectionHandler& handler) {
    unsent_ = 0;
    handler.on_sent();
  }
  Bytes take_sent() { return std::exchange(sent, Bytes()); }
  /// Runs what was posted, and what that posts; each is a turn of its own.
  size_t run_posted() {
    size_t turns = 0;
    for (; !posted.empty(); ++turns) {
      const auto work = std::move(posted.front());
      posted.pop_front();
      work();
    }
    return turns;
  }

  Bytes sent;
  size_t longest_send = 0;
  bool paused = false, finished = false;
  std::deque<std::function<void()>> posted;

 private:
  size_t unsent_ = 0;
  async::Endpoint peer_{"127.0.0.1", 1};
};

/// Runs nothing until the test says so.
class HeldExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { held.push_back(std::move(work)); }
  size_t run_all() {
    size_t count = 0;
    for (; !held.empty(); ++count) {
      const auto work = std::move(held.front());
      held.pop_front();
      work();
    }
    return count;
  }

  std::deque<std::function<void()>> held;
};

/// Has budgets, and answers every query at once with nothing, or, when it holds them, when the test
/// says so.
class FakeDatabase final : public db::Database {
 public:
  explicit FakeDatabase(const db::BudgetOptions& options = {}) : budgets_(options) {}
  bool ready() const override { return is_ready; }
  Status stop() override { return {}; }
  Result<db::PreparedPtr> prepare(std::string_view, std::string_view, const db::Identity&) override { return no(); }
  void query(std::string, db::RequestOptions, db::Done done) override {
    ++queries;
    if (on_query) on_query();
    if (!holds) return done(answer);
    held.push_back(std::move(done));
  }
  void execute(BytesView, db::RequestOptions, db::Done done) override { done(executed); }
  void batch(db::BatchKind, std::vector<db::BatchItem>, db::RequestOptions, db::Done done) override { done(no()); }
  db::ClientPtr connect(std::string address, uint16_t port) override {
    client = std::make_shared<db::Client>(std::move(address), port, nullptr);
    return client;
  }
  Status check_keyspace(std::string_view) const override { return {}; }
  std::shared_ptr<void> on_schema_change(std::function<void(const db::SchemaChangeEvent&)>) override { return nullptr; }
  db::Budgets& budgets() override { return budgets_; }
  const Uuid& host_id() const override { return host_id_; }
  Result<std::vector<index::IndexCheck>> verify() const override { return std::vector<index::IndexCheck>(); }
  std::map<std::string, std::string> state() const override { return facts; }

  bool is_ready = true;
  std::map<std::string, std::string> facts;
  size_t queries = 0;
  std::function<void()> on_query;
  db::Answer answer{db::Void{}, {}, {}};
  bool holds = false;
  Result<db::Answer> executed = no();
  std::vector<db::Done> held;
  db::ClientPtr client;  ///< that connected last

 private:
  static std::unexpected<Error> no() { return fail(ErrorCode::kServer, "not in this test"); }
  db::Budgets budgets_;
  Uuid host_id_;
};

}  // namespace sagitta::server::test
