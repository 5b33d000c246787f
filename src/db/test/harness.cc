#include "harness.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

namespace sagitta::db::test {

ThreadExecutor::ThreadExecutor() {
  for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { work(); });
}

ThreadExecutor::~ThreadExecutor() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

void ThreadExecutor::post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void ThreadExecutor::work() {
  for (;;) {
    std::function<void()> next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || !queue_.empty(); });
      if (queue_.empty()) return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    next();
    if (!keeps_work) continue;
    std::lock_guard lock(mutex_);
    kept_.push_back(std::move(next));
  }
}

Result<std::unique_ptr<Database>> Machine::open(Options options) {
  if (options.data_dir.empty()) options.data_dir = "/data";
  if (!options.partitions) options.partitions = partitions;
  processes.push_back(std::make_unique<ProcessFiles>(*files));
  return Database::open(std::move(options),
                        Environment{*processes.back(), clock, random, metrics, workers, *authoriser, *completer});
}

std::optional<uint32_t> Machine::partitions_of_tests() {
  const char* wanted = std::getenv("SAGITTA_PARTITIONS");
  return wanted == nullptr ? std::nullopt : std::optional(static_cast<uint32_t>(std::atoi(wanted)));
}

void Machine::crash(MemoryFileSystem::CrashFaults faults) {
  // The files first: what the process does in between fails in any case.
  files->stop_after(0);
  processes.back()->kill();
  files->crash(random, faults);
}

namespace {

Result<Answer> wait(const std::function<void(Done)>& start) {
  auto promise = std::make_shared<std::promise<Result<Answer>>>();
  auto future = promise->get_future();
  start([promise](Result<Answer> answer) { promise->set_value(std::move(answer)); });
  return future.get();
}

}  // namespace

Result<Answer> ask(Database& database, const std::string& text, RequestOptions options) {
  return wait([&](Done done) { database.query(text, std::move(options), std::move(done)); });
}

Result<Answer> ask_prepared(Database& database, BytesView id, RequestOptions options) {
  return wait([&](Done done) { database.execute(id, std::move(options), std::move(done)); });
}

std::vector<RowValues> rows_of(const Answer& answer) {
  std::vector<RowValues> rows;
  const auto* result = std::get_if<Rows>(&answer.body);
  if (result == nullptr) {
    ADD_FAILURE() << "the answer has no rows";
    return rows;
  }
  ByteReader in(result->cells);
  for (uint32_t r = 0; r < result->row_count; ++r) {
    RowValues& row = rows.emplace_back();
    for (size_t c = 0; c < result->metadata->columns.size(); ++c) {
      const int32_t length = in.big<int32_t>().value_or(-2);
      row.push_back(length < 0 ? Value() : Value(Bytes(in.take(static_cast<size_t>(length)).value_or("?"))));
    }
  }
  EXPECT_TRUE(in.empty());
  return rows;
}

std::vector<RowValues> select(Database& database, const std::string& text, RequestOptions options) {
  std::vector<RowValues> all;
  for (;;) {
    auto answer = ask(database, text, options);
    if (!answer) {
      ADD_FAILURE() << text << ": " << answer.error().to_string();
      return all;
    }
    for (auto& row : rows_of(*answer)) all.push_back(std::move(row));
    const auto* rows = std::get_if<Rows>(&answer->body);
    if (rows == nullptr || rows->paging_state.empty()) return all;
    options.paging_state = rows->paging_state;
  }
}

std::string outcome(const Result<Answer>& answer) { return answer ? "ok" : answer.error().to_string(); }

BoundValue bound(Bytes value) { return {.value = std::move(value), .unset = false, .name = {}}; }
BoundValue bound_null() { return {}; }

}  // namespace sagitta::db::test
