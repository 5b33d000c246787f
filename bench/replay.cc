/// What a start after kill -9 costs: the CPU time of opening a database whose log has records that
/// its store lacks, for each record. `./x bench replay`, see README.md.
///
/// Each start is a process of its own that ends without stopping, so that the operating system
/// counts its time, flush and background threads included.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <future>
#include <vector>

#include "sagitta/async/worker_pool.h"
#include "sagitta/base/file.h"
#include "sagitta/base/logging.h"
#include "sagitta/base/random.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/local_log.h"
#include "sagitta/replica/records.h"
#include "sagitta/replica/replica.h"
#include "sagitta/types/value.h"

namespace sagitta {
namespace {

using types::Kind;

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "sagitta_bench_replay: {}\n", result.error().to_string());
  std::_Exit(1);
}
void must(const Status& status) { must(status ? Result<int>(0) : Result<int>(std::unexpected(status.error()))); }

/// One life of a database.
struct Life {
  explicit Life(const std::string& directory) {
    store = must(kv::open_rocks_store(must(kv::share_rocks(*files, {}, memory)), directory + "/store"));
    log = must(log::open_local_log(*files, clock, metrics, {.directory = directory + "/log"}));
    replica = must(replica::Replica::open({*store, *log, clock, metrics, workers, memory}));
  }

  void submit(log::Record record) {
    std::promise<Status> done;
    replica->submit(std::move(record), [&](const auto& result) { done.set_value(result ? Status() : fail(result)); });
    must(done.get_future().get());
  }

  const std::unique_ptr<FileSystem> files = make_real_file_system();
  SystemClock clock;
  MetricsRegistry metrics;
  async::WorkerPool workers{2, metrics};
  MemoryBudget memory{"all", size_t{2} << 30};
  std::unique_ptr<kv::Store> store;
  std::unique_ptr<log::Log> log;
  std::unique_ptr<replica::Replica> replica;
};

/// Seconds of CPU that `life` takes in a process of its own.
double cpu_seconds(const std::function<void()>& life) {
  const pid_t child = ::fork();
  if (child == 0) {
    life();
    std::_Exit(0);
  }
  int status = 0;
  rusage usage{};
  if (::wait4(child, &status, 0, &usage) != child || status != 0) std::_Exit(1);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void create_table(Life& life) {
  schema::CreateKeyspace keyspace{.keyspace = "bench", .replication = {{"class", "SimpleStrategy"}}};
  life.submit(replica::schema_record(*life.replica->schema(), keyspace));
  schema::TableDef table;
  table.keyspace = "bench";
  table.name = "rows";
  table.columns = {
      {.name = "id", .type = types::DataType::native(Kind::kInt), .kind = schema::ColumnKind::kPartitionKey},
      {.name = "text", .type = types::DataType::native(Kind::kText)}};
  life.submit(replica::schema_record(*life.replica->schema(), schema::CreateTable{.table = table}));
}

log::Record row_record(const schema::Schema& schema, uint64_t number, const Clock& clock, Random& random) {
  const auto table = schema.find_table("bench", "rows");
  rows::Mutation mutation{.table_id = table->id,
                          .partition_key = types::from_int32(static_cast<int32_t>(number)),
                          .timestamp_us = clock.now_us(),
                          .server_timestamp = true};
  rows::RowMutation row{.insert_marker = true};
  row.cells.push_back({.column_id = table->find_column("text")->id, .value = Bytes(100, 'x')});
  mutation.rows.push_back(std::move(row));
  log::Record record = replica::mutation_record(schema, std::span(&mutation, 1));
  // As a request's record has them.
  record.request_id = Uuid::random(random);
  record.not_after_us = clock.now_us() + 10'000'000;
  return record;
}

/// Rows go to the log alone, as if the process had been killed before the store kept any.
void fill(const std::string& directory, uint64_t records) {
  Life life(directory);
  create_table(life);
  must(life.replica->flush());
  const schema::SchemaPtr schema = life.replica->schema();
  life.replica.reset();
  SystemRandom random;
  std::promise<void> durable;
  for (uint64_t number = 0; number < records; ++number) {
    log::Record record = row_record(*schema, number, life.clock, random);
    if (number == 0) fmt::print("a record of {} bytes\n", record.payload.size());
    const bool is_last = number + 1 == records;
    life.log->append(0, std::move(record), [&durable, is_last](const Result<log::Offset>& offset) {
      must(offset);
      if (is_last) durable.set_value();
    });
    // The log's queue is bounded.
    if (number % 10'000 == 9'999) ::usleep(100'000);
  }
  durable.get_future().wait();
  std::fflush(stdout);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Microseconds of CPU for each record: at the first start after the kill, and at the second.
struct Cost {
  std::vector<double> first, second;
};

void measure(const std::string& directory, uint64_t records, Cost& cost) {
  const std::string copy = directory + ".copy";
  std::filesystem::remove_all(copy);
  std::filesystem::copy(directory, copy, std::filesystem::copy_options::recursive);
  const double per_record = 1e6 / static_cast<double>(records);
  cost.first.push_back(cpu_seconds([&] {
                         Life life(copy);
                         std::_Exit(0);
                       }) *
                       per_record);
  cost.second.push_back(cpu_seconds([&] {
                          Life life(copy);
                          std::_Exit(0);
                        }) *
                        per_record);
  std::filesystem::remove_all(copy);
}

void run(const std::vector<uint64_t>& counts, int rounds) {
  const std::string root =
      must(Result<std::string>(std::filesystem::path("/var/tmp") / fmt::format("sagitta-replay-{}", ::getpid())));
  std::vector<Cost> costs(counts.size());
  const auto directory = [&](size_t i) { return fmt::format("{}/{}", root, counts[i]); };
  for (size_t i = 0; i < counts.size(); ++i) {
    std::filesystem::create_directories(directory(i));
    (void)cpu_seconds([&] { fill(directory(i), counts[i]); });
  }
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < counts.size(); ++i) measure(directory(i), counts[i], costs[i]);
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    fmt::print("{:>9} records: {:5.2f} us of CPU a record ({:.2f} x of {}), {:5.2f} at the next start after a kill\n",
               counts[i], median(costs[i].first), median(costs[i].first) / median(costs[0].first), counts[0],
               median(costs[i].second));
  }
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace sagitta

int main(int count, char** values) {
  CLI::App app("CPU of a start after kill -9, for each record that it replays");
  std::vector<uint64_t> records = {50'000, 400'000};
  int rounds = 3;
  app.add_option("--records", records, "numbers of one-row records in the log");
  app.add_option("--rounds", rounds, "starts of each, in turns; the median counts");
  CLI11_PARSE(app, count, values);
  (void)sagitta::set_log_level("warn");
  sagitta::run(records, rounds);
  return 0;
}
