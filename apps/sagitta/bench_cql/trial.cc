#include "trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "sagitta/bench/measure.h"

namespace sagitta::cql_bench {
namespace {

constexpr double kRestSeconds = 600;
constexpr double kNoHurry = 3600;
/// Requests before a measurement counts.
constexpr uint64_t kWarmRequests = 200;
/// Turns of synced_writes, and requests in each.
constexpr int kTurns = 50;
constexpr uint64_t kPerTurn = 4;
/// What a record has besides the vector, about.
constexpr size_t kRecordOverhead = 64;

const TableSpec kRows{"rows", true};

/// Room for rows and index, so that neither is measured against a limit.
std::vector<std::string> server_options(const Data& data, const BenchCqlOptions& options) {
  const uint64_t rows_mib = (data.rows.values.size() * sizeof(float) >> 20) + 1;
  const uint64_t cache_mib = 384 + 2 * rows_mib;
  std::vector<std::string> all = {"--memory",      std::to_string(1024 + cache_mib + 4 * rows_mib),
                                  "--block-cache", std::to_string(cache_mib),
                                  "--log-level",   "warn"};
  // Another program may be one that knows neither.
  if (options.partitions > 1) all.insert(all.end(), {"--partitions", std::to_string(options.partitions)});
  if (options.lanes > 0) all.insert(all.end(), {"--lanes", std::to_string(options.lanes)});
  return all;
}

/// A file with room for all that is written to it, so that a sync writes no size.
class PreallocatedFile {
 public:
  static Result<PreallocatedFile> make(const std::string& path, size_t bytes) {
    PreallocatedFile file(::open(path.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0644));
    const std::string zeros(bytes, '\0');
    if (file.fd_ < 0 || ::pwrite(file.fd_, zeros.data(), bytes, 0) != static_cast<ssize_t>(bytes) ||
        ::fsync(file.fd_) != 0) {
      return fail(ErrorCode::kIo, fmt::format("cannot write {} bytes to {}", bytes, path));
    }
    return file;
  }
  PreallocatedFile(PreallocatedFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  PreallocatedFile& operator=(PreallocatedFile&&) = delete;
  ~PreallocatedFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  /// How long writing and syncing took.
  Result<std::chrono::nanoseconds> sync(BytesView bytes, size_t at) {
    const auto begin = std::chrono::steady_clock::now();
    if (::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(bytes.size()) ||
        ::fdatasync(fd_) != 0) {
      return fail(ErrorCode::kIo, "cannot sync a file");
    }
    return std::chrono::steady_clock::now() - begin;
  }

 private:
  explicit PreallocatedFile(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace

const std::vector<std::string>& workload_names() {
  static const std::vector<std::string> kNames = {"empty", "read",     "ingest",   "ingest_plain",
                                                  "ann",   "ann_star", "filtered", "mixed"};
  return kNames;
}

Result<std::unique_ptr<Trial>> Trial::begin(const BenchCqlOptions& options, const std::string& folder) {
  std::unique_ptr<Trial> trial(new Trial(options));
  SAGITTA_TRY(trial->data_, make_data(options));
  SAGITTA_CHECK(trial->start(folder));
  SAGITTA_CHECK(trial->fill());
  return trial;
}

Status Trial::start(const std::string& folder) {
  folder_ = folder;
  SAGITTA_TRY(server_, load::ServerProcess::start(options_.server.empty() ? load::own_program() : options_.server,
                                                  folder + "/data", server_options(data_, options_)));
  runtime_ = async::make_runtime(1, metrics_);
  for (uint32_t i = 0; i < options_.connections; ++i) {
    SAGITTA_TRY(auto client, load::Client::open(*runtime_, {.server = server_->cql(), .timeout_ms = 60'000}));
    clients_.push_back(std::move(client));
  }
  return {};
}

Status Trial::fill() {
  load::Client& client = *clients_[0];
  SAGITTA_CHECK(make_keyspace(client));
  SAGITTA_CHECK(make_table(client, kRows, data_, options_));
  SAGITTA_TRY(statements_, Statements::prepare(client, kRows, data_, options_.k));
  Prepared insert = statements_.insert();
  const auto loaded = run(insert, {.depth = kIngestDepth, .seconds = kNoHurry, .requests = data_.count()});
  if (loaded.first_error) return std::unexpected(*loaded.first_error);
  SAGITTA_TRY(engine_, Engine::make(data_, options_));
  SAGITTA_CHECK(engine_->insert(data_.count()));
  server_->rest(kRestSeconds);
  Prepared ann = statements_.ann(), filtered = statements_.filtered();
  SAGITTA_TRY(server_recall_, recall_by(ann, client, data_));
  SAGITTA_TRY(rows_tested_, cql_bench::rows_tested(filtered, client));
  return {};
}

load::LoopResult Trial::run(load::Workload& workload, const load::LoopOptions& loop) {
  load::LoopResult result = run_loop(clients_, workload, loop);
  failed_ += result.failed;
  if (!first_error_) first_error_ = result.first_error;
  return result;
}

std::unique_ptr<load::Workload> Trial::workload_of(const std::string& name) const {
  if (name == "empty") return std::make_unique<Empty>();
  if (name == "read") return std::make_unique<Prepared>(statements_.read());
  if (name == "ann") return std::make_unique<Prepared>(statements_.ann());
  if (name == "ann_star") return std::make_unique<Prepared>(statements_.ann_star());
  if (name == "filtered") return std::make_unique<Prepared>(statements_.filtered());
  return statements_.mixed();
}

Result<Measured> Trial::measure(const Point& point) {
  const auto& [name, depth] = point;
  if (name == "ingest" || name == "ingest_plain") return measure_ingest(point, name == "ingest");
  const auto workload = workload_of(name);
  run(*workload, {.depth = depth, .seconds = options_.seconds, .requests = kWarmRequests});
  const int64_t before = server_->cpu_ns();
  const auto result = run(*workload, {.depth = depth, .rate = options_.rate, .seconds = options_.seconds});
  return measured_of(result, server_->cpu_ns() - before);
}

/// Into a fresh table; the server's CPU until it rests, so that all rows are linked, and flushed as
/// far as they will be.
Result<Measured> Trial::measure_ingest(const Point& point, bool indexed) {
  load::Client& client = *clients_[0];
  const TableSpec table{fmt::format("ingest{}", ++tables_), indexed};
  SAGITTA_CHECK(make_table(client, table, data_, options_));
  SAGITTA_TRY(const Statements statements, Statements::prepare(client, table, data_, options_.k));
  Prepared insert = statements.insert();
  server_->rest(kRestSeconds);
  const bool whole = point.second == kIngestDepth;
  const int64_t before = server_->cpu_ns();
  const auto result = run(insert, {.depth = point.second,
                                   .rate = whole ? 0 : options_.rate,
                                   .seconds = whole ? kNoHurry : options_.seconds,
                                   .requests = std::min(options_.ingest_rows, data_.count())});
  server_->rest(kRestSeconds);
  const int64_t cpu_ns = server_->cpu_ns() - before;
  SAGITTA_CHECK(drop_table(client, table));
  return measured_of(result, cpu_ns);
}

Status Trial::measure_engine() {
  const auto queries = static_cast<double>(data_.query_count());
  engine_search_us_.push_back(static_cast<double>(engine_->search_all()) / 1e3 / queries);
  const uint64_t rows = std::min(options_.ingest_rows, data_.count());
  SAGITTA_TRY(Engine fresh, Engine::make(data_, options_));
  SAGITTA_TRY(const int64_t cpu_ns, fresh.insert(rows));
  engine_insert_us_.push_back(static_cast<double>(cpu_ns) / 1e3 / static_cast<double>(rows));
  return {};
}

Status Trial::round(const std::vector<Point>& points) {
  for (const Point& point : points) {
    SAGITTA_TRY(const Measured measured, measure(point));
    measured_[point].push_back(measured);
  }
  return measure_engine();
}

Status Trial::synced_writes() {
  load::Client& client = *clients_[0];
  const TableSpec table{fmt::format("written{}", ++tables_), false};
  SAGITTA_CHECK(make_table(client, table, data_, options_));
  SAGITTA_TRY(const Statements statements, Statements::prepare(client, table, data_, options_.k));
  Prepared insert = statements.insert();
  Empty empty;
  const Bytes record(data_.dim() * sizeof(float) + kRecordOverhead, 'r');
  SAGITTA_TRY(auto file, PreallocatedFile::make(folder_ + "/synced", kTurns * kPerTurn * record.size()));
  const load::LoopOptions one_by_one{.depth = 1, .seconds = kNoHurry, .requests = kPerTurn};
  for (size_t turn = 0; turn < kTurns; ++turn) {
    const std::span one(clients_.data(), 1);
    const auto writes = run_loop(one, insert, one_by_one);
    if (writes.first_error) return std::unexpected(*writes.first_error);
    written_.merge(writes.latencies);
    emptied_.merge(run_loop(one, empty, one_by_one).latencies);
    for (size_t i = 0; i < kPerTurn; ++i) {
      SAGITTA_TRY(const auto took, file.sync(record, (turn * kPerTurn + i) * record.size()));
      synced_.add(static_cast<uint64_t>(took.count()));
    }
  }
  return drop_table(client, table);
}

Measured Trial::at(const std::string& workload, uint32_t depth) const {
  const auto found = measured_.find({workload, depth});
  return found == measured_.end() ? Measured{} : medians(found->second);
}

double Trial::engine_search_us() const { return bench::median(engine_search_us_); }
double Trial::engine_insert_us() const { return bench::median(engine_insert_us_); }

}  // namespace sagitta::cql_bench
