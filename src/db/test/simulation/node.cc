/// Draws what comes next in a simulated process.
#include "node.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "sagitta/base/checksum.h"
#include "sagitta/db/stages.h"

namespace sagitta::db::test {
namespace {

constexpr int64_t kDeadlineUs = 10'000'000, kShortDeadlineUs = 100'000;
constexpr int kOpensMax = 100;
constexpr int kIdleStepsMax = 3000;

}  // namespace

std::vector<std::vector<Value>> cells_of(const Rows& rows) {
  std::vector<std::vector<Value>> all(rows.row_count);
  ByteReader in(rows.cells);
  for (auto& row : all) {
    for (size_t c = 0; c < rows.metadata->columns.size(); ++c) {
      const int32_t length = in.big<int32_t>().value_or(-1);
      row.push_back(length < 0 ? Value() : Value(Bytes(in.take(static_cast<size_t>(length)).value_or(""))));
    }
  }
  return all;
}

SimulatedNode::SimulatedNode(uint64_t seed, Canary canary)
    : choices_(seed), ids_(seed + 1), storage_(clock_, seed, canary) {
  turns_.step = [this] { return step(); };
}

SimulatedNode::~SimulatedNode() {
  if (!fault_.empty()) static_cast<void>(database_.release());
}

void SimulatedNode::trace(std::string_view what, uint64_t number) {
  const std::string text = fmt::format("{} {}", what, number);
  trace_ = (trace_ ^ crc32c(text)) * 0x9E3779B97F4A7C15;
}

void SimulatedNode::fault(const std::string& what) {
  if (fault_.empty()) fault_ = what;
}

// ---- the process ----

void SimulatedNode::open() {
  ++life_;
  slow_loop_ = below(8);
  for (int i = 0; i < kOpensMax; ++i) {
    processes_.push_back(std::make_unique<ProcessFiles>(*files_));
    metrics_ = std::make_unique<MetricsRegistry>();
    Options options{.data_dir = "/data", .partitions = kSimulatedPartitions, .lanes = 1 + below(4)};
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
    storage_.crash([this](uint64_t bound) { return below(bound); });
  }
  fault("does not start any more");
}

void SimulatedNode::close() {
  trace("close");
  ++restarts_;
  turns_.do_all_work();
  turns_.set_at_once(true);
  if (const Status stopped = database_->stop(); !stopped) fault("does not stop: " + stopped.error().to_string());
  database_.reset();
  turns_.set_at_once(false);
}

void SimulatedNode::crash() {
  trace("crash");
  ++crashes_;
  ++life_;
  under_way_ = 0;
  files_->stop_after(0);
  processes_.back()->kill();
  storage_.crash([this](uint64_t bound) { return below(bound); });
  turns_.set_at_once(true);
  turns_.do_all_work();
  database_.reset();
  turns_.set_at_once(false);
  files_->crash(choices_, {.tear = chance(2), .garble = false});
}

bool SimulatedNode::step() {
  const uint64_t roll = below(100);
  if (roll < 40) {
    const size_t stream = below(SimulatedStorage::kStreams);
    const bool settled = storage_.settle(stream);
    if (settled) trace("settle", stream);
    return settled;
  }
  if (roll < 75 && turns_.loop_count() > 0) {
    const size_t loop = below(turns_.loop_count());
    if (loop == slow_loop_ && !chance(20)) return false;
    trace("turn", loop);
    turns_.turn(loop);
    return false;
  }
  if (roll < 98 && turns_.work_count() > 0) {
    const size_t piece = below(turns_.work_count());
    trace("work", piece);
    turns_.do_work(piece);
    return true;
  }
  if (roll == 98) {
    const size_t partition = below(kSimulatedPartitions);
    trace("compact", partition);
    storage_.compact(static_cast<log::Partition>(partition));
  }
  return false;
}

void SimulatedNode::run_until_idle() {
  for (int idle = 0, steps = 0; idle < kIdleStepsMax; ++steps) {
    idle = step() ? 0 : idle + 1;
    if (steps > kStepsMax) return fault("never comes to rest");
  }
}

void SimulatedNode::wait_for_indexes() {
  for (int i = 0; i < 20 && database_->state()["indexes_building"] != "0"; ++i) {
    clock_.advance_us(1'000'000);
    run_until_idle();
  }
  if (database_->state()["indexes_building"] != "0") fault("an index is never built");
}

// ---- its clients ----

void SimulatedNode::ask(const std::string& text, RequestOptions options, bool is_patient, OnAnswer on_answer) {
  const int64_t patience_us = is_patient || !chance(6) ? kDeadlineUs : kShortDeadlineUs;
  options.deadline = Deadline::in_us(clock_, patience_us + static_cast<int64_t>(++asked_ % 1000));
  ++under_way_;
  database_->query(text, options, [this, life = life_, on_answer = std::move(on_answer)](const Result<Answer>& answer) {
    if (life != life_) return;
    --under_way_;
    ++answers_;
    trace(answer ? "ok" : answer.error().to_string());
    on_answer(answer);
  });
}

Result<Answer> SimulatedNode::ask_now(const std::string& text) {
  std::optional<Result<Answer>> answer;
  ask(text, {}, true, [&](const Result<Answer>& told) { answer = told; });
  for (int steps = 0; !answer; ++steps) {
    (void)step();
    if (steps > kStepsMax) return fail(ErrorCode::kServer, "no answer to " + text);
  }
  return *std::move(answer);
}

void SimulatedNode::must(const std::string& text) {
  for (int i = 0; i < kOpensMax; ++i) {
    if (ask_now(text)) return;
  }
  fault("never done: " + text);
}

}  // namespace sagitta::db::test
