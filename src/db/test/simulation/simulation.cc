/// Draws what comes next, and looks at what is there.
#include "simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "sagitta/base/checksum.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/memory_file.h"
#include "sagitta/base/random.h"
#include "sagitta/db/database.h"
#include "sagitta/db/stages.h"
#include "sagitta/types/value.h"

#include "client.h"
#include "history.h"
#include "process_files.h"
#include "turns.h"

namespace sagitta::db::test {
namespace {

constexpr int64_t kDeadlineUs = 10'000'000, kShortDeadlineUs = 100'000;
/// After this time stores are flushed, and logs trimmed.
constexpr int64_t kFlushUs = 61'000'000;
constexpr int kOpensMax = 100;
constexpr int kIdleStepsMax = 3000;
constexpr int kStepsMax = 200'000;

/// A row of an answer.
struct FoundRow {
  Key key = 0;
  OperationId op = 0;
  std::vector<Value> cells;  ///< as they were selected
};

Result<std::vector<FoundRow>> rows_of(const Result<Answer>& answer) {
  if (!answer) return fail(answer);
  std::vector<FoundRow> all;
  const auto& rows = std::get<Rows>(answer->body);
  ByteReader in(rows.cells);
  for (uint32_t r = 0; r < rows.row_count; ++r) {
    FoundRow row;
    for (size_t c = 0; c < rows.metadata->columns.size(); ++c) {
      const int32_t length = in.big<int32_t>().value_or(-1);
      row.cells.push_back(length < 0 ? Value() : Value(Bytes(in.take(static_cast<size_t>(length)).value_or(""))));
    }
    row.key = types::to_int32(*row.cells[0]) * Client::kRows + types::to_int32(*row.cells[1]);
    row.op = row.cells[2] ? types::to_int64(*row.cells[2]) : 0;
    all.push_back(std::move(row));
  }
  return all;
}

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options),
        choices_(options.seed),
        ids_(options.seed + 1),
        storage_(clock_, options.seed, options.canary),
        client_([this](uint64_t bound) { return choices_.below(bound); }) {
    turns_.step = [this] { return step(); };
  }

  SimulationResult run() {
    open();
    for (const std::string& statement : Client::schema()) must(statement);
    settle();
    while (result_.fault.empty() && sent_ < options_.operations) burst();
    // What has a fault may not stop either.
    result_.fault.empty() ? close() : static_cast<void>(database_.release());
    return result_;
  }

 private:
  bool chance(uint64_t one_in) { return choices_.below(one_in) == 0; }
  void trace(std::string_view what, uint64_t number = 0) {
    const std::string text = fmt::format("{} {}", what, number);
    result_.trace = (result_.trace ^ crc32c(text)) * 0x9E3779B97F4A7C15;
  }
  void fault(const std::string& what) {
    if (result_.fault.empty()) result_.fault = what;
  }

  // ---- the process ----

  void open();
  void close();
  void crash();
  bool step();
  void run_until_idle();
  void wait_for_indexes();

  // ---- the clients ----

  void burst();
  void send();
  void send_operation();
  int64_t random_timestamp(OperationId id);
  void send_change();
  void send_read();
  using OnAnswer = std::function<void(const Result<Answer>&)>;
  void ask(const std::string& text, OnAnswer on_answer);
  void must(const std::string& text);
  Result<Answer> ask_now(const std::string& text);
  void answer(OperationId id, const Result<Answer>& answer);
  void look(const Client::Read& read, Moment began, const Result<Answer>& answer);

  // ---- what is there ----

  void settle();
  void settle(const std::string& table);
  void check_cells(const std::string& table, const FoundRow& row);
  void check_index(const std::map<Key, OperationId>& rows);

  const SimulationOptions options_;
  SeededRandom choices_, ids_;
  ManualClock clock_{1'700'000'000'000'000};
  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  std::vector<std::unique_ptr<ProcessFiles>> processes_;
  SimulatedStorage storage_;
  Turns turns_;
  Client client_;
  History history_;
  std::map<OperationId, int> extra_columns_;
  std::unique_ptr<MetricsRegistry> metrics_;
  std::unique_ptr<Database> database_;
  Moment moment_ = 0;
  size_t sent_ = 0, under_way_ = 0, life_ = 0;
  size_t slow_loop_ = 0;  ///< none, when there is no loop of that number
  OperationId last_id_ = 0;
  bool server_stamps_ = false, needs_restart_ = false, is_patient_ = false;
  SimulationResult result_;
};

// ---- the process ----

void Simulation::open() {
  ++life_;
  slow_loop_ = choices_.below(8);
  for (int i = 0; i < kOpensMax; ++i) {
    processes_.push_back(std::make_unique<ProcessFiles>(*files_));
    metrics_ = std::make_unique<MetricsRegistry>();
    Options options{.data_dir = "/data", .partitions = kSimulatedPartitions, .lanes = 1 + choices_.below(4)};
    options.rows_deleted_at_once = 3;
    options.index_changes_min = 10;
    const Environment environment{*processes_.back(),      clock_,           ids_,   *metrics_, turns_,
                                  permissive_authoriser(), idle_completer(), turns_, &storage_};
    turns_.set_at_once(true);
    auto opened = Database::open(options, environment);
    turns_.set_at_once(false);
    trace("open", opened.has_value());
    if (opened) {
      storage_.set_started();
      database_ = *std::move(opened);
      return;
    }
    turns_.do_all_work();
    storage_.crash([this](uint64_t bound) { return choices_.below(bound); });
  }
  fault("does not start any more");
}

void Simulation::close() {
  trace("close");
  ++result_.restarts;
  turns_.do_all_work();
  turns_.set_at_once(true);
  if (const Status stopped = database_->stop(); !stopped) fault("does not stop: " + stopped.error().to_string());
  database_.reset();
  turns_.set_at_once(false);
}

void Simulation::crash() {
  trace("crash");
  ++result_.crashes;
  ++life_;  // whoever waits for an answer gets none
  under_way_ = 0;
  files_->stop_after(0);
  processes_.back()->kill();
  storage_.crash([this](uint64_t bound) { return choices_.below(bound); });
  turns_.set_at_once(true);
  turns_.do_all_work();
  database_.reset();
  turns_.set_at_once(false);
  files_->crash(choices_, {.tear = chance(2), .garble = false});
  for (const auto& [id, operation] : history_.operations()) {
    if (operation.told == Told::kNothing) history_.operation(id).told = Told::kOpen;
  }
}

bool Simulation::step() {
  const uint64_t roll = choices_.below(100);
  if (roll < 40) {
    const size_t stream = choices_.below(SimulatedStorage::kStreams);
    const bool settled = storage_.settle(stream);
    if (settled) trace("settle", stream);
    return settled;
  }
  if (roll < 75 && turns_.loop_count() > 0) {
    const size_t loop = choices_.below(turns_.loop_count());
    if (loop == slow_loop_ && !chance(20)) return false;
    trace("turn", loop);
    turns_.turn(loop);
    return false;
  }
  if (roll < 98 && turns_.work_count() > 0) {
    const size_t piece = choices_.below(turns_.work_count());
    trace("work", piece);
    turns_.do_work(piece);
    return true;
  }
  if (roll == 98) {
    const size_t partition = choices_.below(kSimulatedPartitions);
    trace("compact", partition);
    storage_.compact(static_cast<log::Partition>(partition));
  }
  return false;
}

void Simulation::run_until_idle() {
  for (int idle = 0, steps = 0; idle < kIdleStepsMax; ++steps) {
    idle = step() ? 0 : idle + 1;
    if (steps > kStepsMax) return fault("never comes to rest");
  }
}

void Simulation::wait_for_indexes() {
  for (int i = 0; i < 20 && database_->state()["indexes_building"] != "0"; ++i) {
    clock_.advance_us(1'000'000);
    run_until_idle();
  }
  if (database_->state()["indexes_building"] != "0") fault("an index is never built");
}

// ---- the clients ----

void Simulation::burst() {
  // Stamps of the bursts do not overlap.
  clock_.advance_us(2'000'000);
  server_stamps_ = chance(3);
  const size_t count = 4 + choices_.below(16), at_once = 1 + choices_.below(8);
  const size_t crash_after = chance(2) ? choices_.below(count) : count + 1;
  for (size_t sent = 0, steps = 0; sent < count || under_way_ > 0; ++steps) {
    if (steps > kStepsMax) return fault("requests get no answer");
    if (sent >= crash_after && chance(30)) {
      crash();
      open();
      break;
    }
    if (sent < count && under_way_ < at_once && chance(3)) {
      send();
      ++sent;
      continue;
    }
    (void)step();
    if (chance(300)) clock_.advance_us(static_cast<int64_t>(choices_.below(3'000'000)));
    if (chance(20'000)) clock_.advance_us(kFlushUs);
  }
  if (!result_.fault.empty()) return;
  run_until_idle();
  const bool is_open = std::ranges::any_of(history_.operations(), [](const auto& entry) {
    return entry.second.told == Told::kOpen || entry.second.told == Told::kPromised;
  });
  if (is_open || needs_restart_ || chance(6)) {
    chance(2) ? crash() : close();
    open();
  }
  needs_restart_ = false;
  if (result_.fault.empty()) settle();
}

void Simulation::send() {
  ++sent_;
  const uint64_t roll = choices_.below(100);
  if (roll < 65) return send_operation();
  if (roll < 72) return send_change();
  send_read();
}

void Simulation::ask(const std::string& text, OnAnswer on_answer) {
  RequestOptions options;
  const int64_t patience_us = is_patient_ || !chance(6) ? kDeadlineUs : kShortDeadlineUs;
  options.deadline = Deadline::in_us(clock_, patience_us + static_cast<int64_t>(++moment_ % 1000));
  ++under_way_;
  database_->query(text, options, [this, life = life_, on_answer = std::move(on_answer)](const Result<Answer>& answer) {
    if (life != life_) return;
    --under_way_;
    ++result_.answers;
    trace(answer ? "ok" : answer.error().to_string());
    on_answer(answer);
  });
}

/// Later writes may have earlier ones; those of a burst are all newer than those of the burst
/// before.
int64_t Simulation::random_timestamp(OperationId id) {
  return clock_.now_us() + static_cast<int64_t>(choices_.below(1000)) * 1000 + id % 1000;
}

void Simulation::send_operation() {
  const OperationId id = ++last_id_;
  const auto stamp = server_stamps_ ? std::nullopt : std::optional(random_timestamp(id));
  Operation operation = client_.operation(id, stamp);
  operation.submitted = ++moment_;
  trace(operation.text);
  extra_columns_[id] = operation.extra_column;
  const std::string text = history_.add(std::move(operation)).text;
  ask(text, [this, id](const Result<Answer>& told) { answer(id, told); });
}

void Simulation::answer(OperationId id, const Result<Answer>& answer) {
  Operation& operation = history_.operation(id);
  operation.answered = ++moment_;
  if (answer) {
    operation.told = Told::kDone;
    return;
  }
  const bool is_several = std::ranges::any_of(
      operation.effects, [&](const Effect& effect) { return effect.partition != operation.effects.front().partition; });
  const ErrorCode code = answer.error().code();
  const bool is_refused =
      (code == ErrorCode::kInvalid && !is_several) || code == ErrorCode::kOverloaded || code == ErrorCode::kUnavailable;
  const bool is_promised =
      answer.error().message().find("and will be") != std::string::npos ||
      (is_several && operation.kind == Operation::Kind::kLoggedBatch && answer.error().subject() == "BATCH");
  operation.told = is_refused ? Told::kRefused : is_promised ? Told::kPromised : Told::kOpen;
  result_.open += operation.told == Told::kOpen;
  result_.promised += operation.told == Told::kPromised;
}

void Simulation::send_change() {
  const Client::Change change = client_.change();
  trace(change.text);
  ask(change.text, [this, column = change.column](const Result<Answer>& answer) {
    if (answer && column > 0) client_.know_column(column);
    if (!answer && answer.error().code() != ErrorCode::kInvalid) needs_restart_ = true;
  });
}

void Simulation::send_read() {
  const Client::Read read = client_.read();
  trace(read.text);
  ask(read.text, [this, read, began = ++moment_](const Result<Answer>& answer) { look(read, began, answer); });
}

void Simulation::look(const Client::Read& read, Moment began, const Result<Answer>& answer) {
  const auto rows = rows_of(answer);
  // The table or its index may not be there.
  if (!rows) {
    const bool may_be_refused = read.table == "b" || read.is_nearest;
    const ErrorCode code = rows.error().code();
    if (code != ErrorCode::kReadTimeout && !(may_be_refused && code == ErrorCode::kInvalid))
      fault(fmt::format("{}: {}", read.text, rows.error().to_string()));
    return;
  }
  ++result_.reads;
  const Moment answered = ++moment_;
  std::map<Key, OperationId> found;
  for (const FoundRow& row : *rows) {
    trace("row", static_cast<uint64_t>(row.key) << 32 | static_cast<uint64_t>(row.op));
    if (!found.emplace(row.key, row.op).second) fault(fmt::format("{}: key {} twice", read.text, row.key));
  }
  for (Key key = 0; key < Client::kKeys; ++key) {
    if (read.key && *read.key != key) continue;
    const auto row = found.find(key);
    if (read.is_nearest && row == found.end()) continue;
    const std::string wrong =
        history_.read(read.table, key, row == found.end() ? Found() : Found(row->second), began, answered);
    if (!wrong.empty()) fault(fmt::format("{}: {}", read.text, wrong));
  }
}

Result<Answer> Simulation::ask_now(const std::string& text) {
  std::optional<Result<Answer>> answer;
  is_patient_ = true;
  ask(text, [&](const Result<Answer>& told) { answer = told; });
  is_patient_ = false;
  for (int steps = 0; !answer; ++steps) {
    (void)step();
    if (steps > kStepsMax) return fail(ErrorCode::kServer, "no answer to " + text);
  }
  return *std::move(answer);
}

/// Until the logs let it through.
void Simulation::must(const std::string& text) {
  for (int i = 0; i < kOpensMax; ++i) {
    if (ask_now(text)) return;
  }
  fault("never done: " + text);
}

// ---- what is there ----

void Simulation::settle() {
  run_until_idle();
  wait_for_indexes();
  for (const char* table : Client::kTables) {
    if (result_.fault.empty()) settle(table);
  }
  history_.forget();
}

void Simulation::settle(const std::string& table) {
  std::string columns = "p, c, op, v";
  for (const int column : client_.known_columns()) columns += table == "a" ? fmt::format(", x{}", column) : "";
  const auto answer = ask_now(fmt::format("SELECT {} FROM s.{}", columns, table));
  std::map<Key, OperationId> found;
  if (answer) {
    const auto rows = rows_of(answer);
    for (const FoundRow& row : *rows) {
      trace("row", static_cast<uint64_t>(row.key) << 32 | static_cast<uint64_t>(row.op));
      if (!found.emplace(row.key, row.op).second) fault(fmt::format("table {}: key {} twice", table, row.key));
      check_cells(table, row);
    }
    result_.rows_compared += found.size();
  } else if (answer.error().code() != ErrorCode::kInvalid || table == "a") {
    return fault(fmt::format("table {}: {}", table, answer.error().to_string()));
  }
  if (const std::string wrong = history_.settle(table, found, Client::kKeys); !wrong.empty()) fault(wrong);
  if (table == "a") check_index(found);
}

/// A row is of one writer, all of it.
void Simulation::check_cells(const std::string& table, const FoundRow& row) {
  const auto check = [&](const std::string& column, const Value& found, const Bytes& expected) {
    if (found == expected) return;
    fault(fmt::format("table {}, key {}: {} wrote the row, but {} is {}, not {}", table, row.key, row.op, column,
                      found ? to_hex(*found) : "null", to_hex(expected)));
  };
  check("v", row.cells[3], types::from_floats(Client::vector_of(row.op)));
  const int written = table == "a" ? extra_columns_[row.op] : 0;
  size_t place = 4;
  for (const int column : client_.known_columns()) {
    if (table == "a" && column == written)
      check(fmt::format("x{}", column), row.cells[place], types::from_int64(row.op));
    ++place;
  }
}

void Simulation::check_index(const std::map<Key, OperationId>& rows) {
  const auto indexes = ask_now("SELECT index_name FROM system_schema.indexes WHERE keyspace_name = 's'");
  if (!indexes) return fault(indexes.error().to_string());
  if (std::get<Rows>(indexes->body).row_count == 0) return;
  const auto asked = static_cast<OperationId>(choices_.below(100));
  const auto answer =
      ask_now(fmt::format("SELECT p, c, op FROM s.a ORDER BY v ANN OF {} LIMIT 100", Client::vector_text(asked)));
  const auto hits = rows_of(answer);
  if (!hits) return fault(fmt::format("the index: {}", hits.error().to_string()));
  const auto query = Client::vector_of(asked);
  std::map<Key, OperationId> found;
  double last = -1;
  for (const FoundRow& hit : *hits) {
    const auto vector = Client::vector_of(hit.op);
    const double x = vector[0] - query[0], y = vector[1] - query[1];
    if (x * x + y * y < last - 1e-3) fault(fmt::format("the index: key {} is out of order", hit.key));
    last = x * x + y * y;
    found[hit.key] = hit.op;
  }
  result_.hits_compared += found.size();
  if (found != rows || hits->size() != rows.size())
    fault(fmt::format("the index has {} rows, the table {}", hits->size(), rows.size()));
}

}  // namespace

SimulationResult simulate(const SimulationOptions& options) { return Simulation(options).run(); }

}  // namespace sagitta::db::test
