#include "side.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "tables.h"

namespace sagitta::cql_bench {
namespace {

using Clock = std::chrono::steady_clock;

/// A prime: consecutive requests are for rows far apart.
constexpr uint64_t kStride = 7919;
constexpr uint32_t kFillDepth = 64;
constexpr double kNoHurry = 3600;
constexpr double kWarmSlice = 0.5;
/// A JVM never rests quite: an idle one takes 2 % of a core.
constexpr double kIdle = 0.05;
constexpr double kRestSeconds = 120;
constexpr auto kIdleWindow = std::chrono::seconds(2);
/// No row has this tag.
constexpr int32_t kNoTag = -1;

/// What a request must be answered with.
struct Wanted {
  uint32_t rows = 0;
  std::optional<bool> applied;  ///< of a conditional write
};

/// One statement, and what stands for its markers in request `number` on a table of `rows` rows.
struct Spec {
  const char* name;
  const char* text;
  std::vector<Bytes> (*values)(uint64_t number, uint64_t rows);
  Wanted (*wanted)(uint64_t number);
};

Bytes id_cell(uint64_t id) { return to_cell(static_cast<int32_t>(id)); }
uint64_t some_row(uint64_t number, uint64_t rows) { return number * kStride % rows; }
uint64_t tag_of(uint64_t row, uint64_t rows) { return row % (rows / kRowsPerTag); }
bool is_to_apply(uint64_t number) { return number % 2 == 0; }

/// Letters that have nothing to do with those of the next number.
Bytes payload_of(uint64_t number) {
  Bytes out(kPayloadBytes, ' ');
  uint64_t state = number;
  for (char& letter : out) {
    state = state * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    letter = static_cast<char>('a' + (state >> 33) % 26);
  }
  return out;
}

std::vector<Bytes> row_cells(uint64_t row, uint64_t rows) {
  return {id_cell(row), id_cell(tag_of(row, rows)), payload_of(row)};
}

Wanted nothing(uint64_t) { return {}; }
Wanted decision(uint64_t number) { return {.rows = 1, .applied = is_to_apply(number)}; }

const Spec kSpecs[] = {
    {"read", "SELECT tag, payload FROM bench.rows WHERE id = ?",
     [](uint64_t number, uint64_t rows) { return std::vector{id_cell(some_row(number, rows))}; },
     [](uint64_t) { return Wanted{.rows = 1}; }},
    {"write", "INSERT INTO bench.written (id, tag, payload) VALUES (?, ?, ?)", row_cells, nothing},
    {"write_indexed", "INSERT INTO bench.written_indexed (id, tag, payload) VALUES (?, ?, ?)", row_cells, nothing},
    {"index", "SELECT id, tag, payload FROM bench.rows WHERE tag = ?",
     [](uint64_t number, uint64_t rows) { return std::vector{id_cell(some_row(number, rows / kRowsPerTag))}; },
     [](uint64_t) { return Wanted{.rows = kRowsPerTag}; }},
    {"lwt_insert", "INSERT INTO bench.conditional (id, tag, payload) VALUES (?, ?, ?) IF NOT EXISTS",
     [](uint64_t number, uint64_t rows) {
       return row_cells(is_to_apply(number) ? rows + number / 2 : some_row(number, rows), rows);
     },
     decision},
    {"lwt_update", "UPDATE bench.conditional SET payload = ? WHERE id = ? IF tag = ?",
     [](uint64_t number, uint64_t rows) {
       const uint64_t row = some_row(number, rows);
       return std::vector{payload_of(number), id_cell(row),
                          is_to_apply(number) ? id_cell(tag_of(row, rows)) : to_cell(kNoTag)};
     },
     decision},
};

/// Whether the answer is what was to come; of a conditional write the first cell is the decision.
bool is_as(const wire::Response& response, const Wanted& wanted) {
  const auto* rows = std::get_if<wire::Rows>(&response.reply);
  if (rows == nullptr) return wanted.rows == 0;
  if (rows->row_count != wanted.rows) return false;
  if (!wanted.applied) return true;
  const ValueView cell = wire::CellReader(*rows).next();
  return cell && cell->size() == 1 && (cell->front() != 0) == *wanted.applied;
}

/// A statement whose numbers go on from one measurement to the next, so that a key is written once,
/// and whose answers are looked at. For the clients of one core.
class Checked final : public load::Workload {
 public:
  Checked(load::Statement statement, const Spec& spec, uint64_t rows, uint64_t& wrong)
      : prepared_(std::move(statement), [&spec, rows](uint64_t number) { return spec.values(number, rows); }),
        wanted_(spec.wanted),
        wrong_(wrong) {}

  void ask(load::Client& client, uint64_t, load::Answered answered) override {
    const uint64_t number = next_++;
    prepared_.ask(client, number, [this, number, answered = std::move(answered)](Result<wire::Response> response) {
      if (response && !is_as(*response, wanted_(number))) ++wrong_;
      answered(std::move(response));
    });
  }

 private:
  Prepared prepared_;
  Wanted (*wanted_)(uint64_t);
  uint64_t& wrong_;
  uint64_t next_ = 0;
};

Result<std::string> release_of(load::Client& client) {
  SAGITTA_TRY(const auto response, client.ask(wire::Query{"SELECT release_version FROM system.local", {}}));
  const auto* rows = std::get_if<wire::Rows>(&response.reply);
  if (rows == nullptr || rows->row_count == 0) return fail(ErrorCode::kProtocol, "no row in system.local");
  return std::string(wire::CellReader(*rows).next().value_or("unknown"));
}

}  // namespace

std::vector<std::string> side_workloads() {
  std::vector<std::string> names = {"empty"};
  for (const Spec& spec : kSpecs) names.emplace_back(spec.name);
  return names;
}

Result<std::unique_ptr<Side>> Side::open(async::Runtime& runtime, const async::Endpoint& cql, pid_t process,
                                         const BenchPeerOptions& options) {
  std::unique_ptr<Side> side(new Side(process, options));
  if (side->process_.cpu_ns() == 0) return fail(ErrorCode::kNotFound, fmt::format("no process {}", process));
  SAGITTA_CHECK(side->connect(runtime, cql));
  SAGITTA_TRY(side->release_, release_of(*side->clients_[0]));
  SAGITTA_CHECK(side->make_tables());
  SAGITTA_CHECK(side->prepare());
  for (const char* table : {"rows", "conditional"}) SAGITTA_CHECK(side->fill(table));
  return side;
}

Status Side::connect(async::Runtime& runtime, const async::Endpoint& cql) {
  for (uint32_t i = 0; i < options_.connections; ++i) {
    SAGITTA_TRY(auto client, load::Client::open(runtime, {.server = cql, .timeout_ms = 60'000}));
    clients_.push_back(std::move(client));
  }
  return {};
}

Status Side::make_tables() {
  load::Client& client = *clients_[0];
  SAGITTA_CHECK(make_keyspace(client));
  for (const char* table : {"rows", "written", "written_indexed", "conditional"}) {
    SAGITTA_CHECK(client.run(fmt::format("CREATE TABLE bench.{} (id int PRIMARY KEY, tag int, payload text)", table)));
  }
  for (const char* table : {"rows", "written_indexed"}) {
    SAGITTA_CHECK(client.run(fmt::format("CREATE CUSTOM INDEX ON bench.{} (tag) USING 'StorageAttachedIndex'", table)));
  }
  return {};
}

Status Side::prepare() {
  workloads_["empty"] = std::make_unique<Empty>();
  for (const Spec& spec : kSpecs) {
    SAGITTA_TRY(auto statement, clients_[0]->prepare(spec.text));
    workloads_[spec.name] = std::make_unique<Checked>(std::move(statement), spec, options_.rows, wrong_);
  }
  return {};
}

Status Side::fill(const std::string& table) {
  SAGITTA_TRY(auto statement,
              clients_[0]->prepare(fmt::format("INSERT INTO bench.{} (id, tag, payload) VALUES (?, ?, ?)", table)));
  Prepared insert(std::move(statement), [rows = options_.rows](uint64_t number) { return row_cells(number, rows); });
  SAGITTA_TRY(const auto filled, run(insert, {.depth = kFillDepth, .seconds = kNoHurry, .requests = options_.rows}));
  if (filled.failed > 0) return std::unexpected(*filled.first_error);
  return {};
}

void Side::watch_idle() {
  const int64_t before = process_.cpu_ns();
  const auto begin = Clock::now();
  std::this_thread::sleep_for(kIdleWindow);
  const std::chrono::nanoseconds window = Clock::now() - begin;
  idle_ = static_cast<double>(process_.cpu_ns() - before) / static_cast<double>(window.count());
}

Result<load::LoopResult> Side::run(load::Workload& workload, const load::LoopOptions& loop) {
  load::LoopResult result = run_loop(clients_, workload, loop);
  failed_ += result.failed;
  if (result.answered == 0 && result.first_error) return std::unexpected(*result.first_error);
  return result;
}

Status Side::warm(const std::vector<std::string>& workloads, double seconds) {
  const auto until = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < until) {
    for (const std::string& name : workloads) {
      SAGITTA_CHECK(run(*workloads_.at(name), {.depth = options_.depth, .seconds = kWarmSlice}));
    }
  }
  process_.rest(kRestSeconds, kIdle);
  watch_idle();
  return {};
}

Result<Measured> Side::measure(const std::string& workload) {
  const int64_t before = process_.cpu_ns();
  SAGITTA_TRY(const auto result, run(*workloads_.at(workload), {.depth = options_.depth, .seconds = options_.seconds}));
  process_.rest(kRestSeconds, kIdle);
  return measured_of(result, process_.cpu_ns() - before);
}

Status Side::close() { return clients_[0]->run("DROP KEYSPACE bench"); }

}  // namespace sagitta::cql_bench
