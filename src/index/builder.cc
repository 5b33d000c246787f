/// Builds of indexes, one after the other.
#include "sagitta/index/builder.h"

#include <optional>
#include <utility>

#include "sagitta/base/logging.h"

namespace sagitta::index {
namespace {

/// A builder this close to the appliers makes them wait for the rest.
constexpr size_t kCatchUpRows = 256;

}  // namespace

Builder::Builder(const Environment& environment)
    : env_(environment),
      building_(
          env_.metrics.gauge("sagitta_index_building", "Indexes that are being built; their queries scan rows.")) {}

void Builder::begin(const IndexPtr& index) {
  {
    std::lock_guard lock(mutex_);
    building_.set(static_cast<double>(++builds_));
    waiting_.push_back(index);
    if (std::exchange(posted_, true)) return;
  }
  post();
}

/// One build at a time, each a piece of work of its own, apart from what reads and flushes wait
/// for.
void Builder::post() {
  env_.workers.post_long([this] { build_next(); });
}

void Builder::build_next() {
  IndexPtr index;
  {
    std::lock_guard lock(mutex_);
    index = std::move(waiting_.front());
    waiting_.pop_front();
  }
  if (const Status built = stopping_ ? Status() : build(index); !built) env_.indexes.give_up(*index, built.error());
  index.reset();  // with it ends what is charged to a budget that who waits may end
  bool more = false;
  {
    std::lock_guard lock(mutex_);
    more = posted_ = !waiting_.empty();
  }
  if (more) post();
  // Last, and under the lock: with no build left, who waits may end this object's life.
  std::lock_guard lock(mutex_);
  building_.set(static_cast<double>(--builds_));
  changed_.notify_all();
}

/// The last of the journals is read while the appliers wait.
Status Builder::build(const IndexPtr& index) {
  // From before the first row is read: what is removed from then on is told.
  const RowMap::Pin pin = index->rows()->pin();
  SAGITTA_TRY(const std::optional<Positions> saved, env_.saver.load(*index));
  Positions next;
  if (saved) {
    next = *saved;
  } else {
    SAGITTA_TRY(next, scan(*index));
  }
  size_t caught_up = 0;
  for (;;) {
    SAGITTA_TRY(const size_t rows, catch_up(*index, pin, next));
    caught_up += rows;
    if (!is_wanted(*index)) return {};
    if (rows <= kCatchUpRows) break;
  }
  {
    const auto locks = lock_all(env_.sources);
    SAGITTA_TRY(const size_t rows, catch_up(*index, pin, next));
    caught_up += rows;
    if (!is_wanted(*index)) return {};
    index->set_state(Reader::State::kServing);
  }
  log_info("index serves", {{"index", index->def().name},
                            {"from", saved ? "snapshot" : "rows"},
                            {"caught_up", caught_up},
                            {"rows", index->stats().rows},
                            {"refused", index->stats().refused}});
  if (env_.saver.claim(*index)) env_.saver.begin_save(index);
  return {};
}

/// Returns what it is complete to by now.
Result<Positions> Builder::scan(Index& index) {
  Positions next;
  for (RowSource* source : env_.sources) {
    std::optional<rows::ReadView> rows;
    {
      std::lock_guard lock(source->commit.mutex);
      rows = source->view(0);
      next.push_back(source->commit.next);
    }
    SAGITTA_CHECK(scan(index, *rows));
  }
  return next;
}

Status Builder::scan(Index& index, const rows::ReadView& rows) {
  const auto cursor = rows.scan_tokens(*index.table());
  for (;;) {
    SAGITTA_TRY(const bool more, cursor->next());
    if (!more || !is_wanted(index)) return {};
    if (!cursor->row().is_static) SAGITTA_CHECK(show(index, cursor->row_key(), &cursor->row()));
  }
}

/// A row without a number is gone, or has no value that an index names.
Status Builder::show(Index& index, BytesView row_key, const rows::LiveRow* now) {
  const auto row = index.rows()->find(row_key);
  return row ? index.update({.row = *row, .key = row_key, .now = now}) : Status();
}

/// Brings the index up to the journals' ends and moves `from` beyond them. Returns how many rows it
/// took. `pin` is older than all that the index has.
Result<size_t> Builder::catch_up(Index& index, const RowMap::Pin& pin, Positions& from) {
  size_t caught_up = 0;
  for (log::Partition p = 0; p < env_.sources.size(); ++p) {
    SAGITTA_TRY(const size_t rows, catch_up(index, p, from[p]));
    caught_up += rows;
  }
  for (const RowNumber row : index.rows()->removed_since(pin)) {
    SAGITTA_CHECK(index.update({.row = row, .key = index.rows()->key(row)}));
  }
  return caught_up;
}

Result<size_t> Builder::catch_up(Index& index, log::Partition partition, log::Offset& from) {
  const RowSource& source = *env_.sources[partition];
  const rows::ReadView rows = source.view(0);
  SAGITTA_TRY(const IndexJournal::Changes changes, source.journal.read(index.def().id, from, rows.snapshot()));
  if (changes.cleared) SAGITTA_CHECK(index.clear(partition));
  for (const Bytes& key : changes.rows) {
    SAGITTA_TRY(const auto row, rows.get_by_key(*index.table(), key));
    SAGITTA_CHECK(show(index, key, row ? &*row : nullptr));
  }
  from = changes.next;
  return changes.rows.size();
}

bool Builder::idle() const {
  std::lock_guard lock(mutex_);
  return builds_ == 0;
}

void Builder::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return builds_ == 0; });
}

}  // namespace sagitta::index
