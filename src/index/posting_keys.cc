/// Row keys of one term, of many, and of several probes at once.
#include "sagitta/index/posting_keys.h"

#include <set>
#include <utility>

#include "sagitta/index/progress.h"
#include "sagitta/rows/posting.h"
#include "sagitta/rows/posting_cursor.h"

namespace sagitta::index {
namespace {

using rows::PostingCursor;
using types::Interval;

/// Keys of the postings of an interval of terms.
Interval keys_of(uint32_t index_id, const Interval& terms) {
  const Bytes prefix = rows::posting_prefix(index_id);
  return {prefix + terms.from, terms.to.empty() ? types::after_prefix(prefix) : prefix + terms.to};
}

/// Of one term: its postings are in the order of row keys.
class TermKeys final : public PostingKeys {
 public:
  TermKeys(const rows::ReadView& view, const PostingProbe& probe)
      : prefix_(rows::posting_prefix(probe.index_id, probe.terms[0].from)),
        cursor_(view.postings(prefix_, types::after_prefix(prefix_))) {}

  Result<std::optional<BytesView>> seek(BytesView key) override {
    if (is_before(key)) SAGITTA_CHECK(move(false, {}));  // most often the next is wanted
    if (!started_ || is_before(key)) SAGITTA_CHECK(move(true, key));
    // A row that has the term more than once has its postings behind its key.
    while (is_before(key)) SAGITTA_CHECK(move(false, {}));
    if (ended_) return std::nullopt;
    return cursor_.posting().row_key;
  }

 private:
  bool is_before(BytesView key) const { return started_ && !ended_ && cursor_.posting().row_key < key; }
  Status move(bool seeks, BytesView key) {
    SAGITTA_TRY(const bool more, seeks ? cursor_.seek(prefix_ + Bytes(key)) : cursor_.next());
    started_ = true;
    ended_ = !more;
    return {};
  }

  const Bytes prefix_;
  PostingCursor cursor_;
  bool started_ = false, ended_ = false;
};

/// Of many terms: the least keys of all of them are picked out, some at a time.
class RangeKeys final : public PostingKeys {
 public:
  RangeKeys(const rows::ReadView& view, const PostingProbe& probe) : view_(view), probe_(probe) {}

  Result<std::optional<BytesView>> seek(BytesView key) override {
    for (;;) {
      if (filled_) {
        while (!held_.empty() && *held_.begin() < key) {
          held_bytes_ -= held_.begin()->size();
          held_.erase(held_.begin());
        }
        if (!held_.empty()) return BytesView(*held_.begin());
        if (!left_some_) return std::nullopt;
        filled_ = false;
        next_interval_ = 0;
      }
      SAGITTA_CHECK(fill(key));
    }
  }

 private:
  /// Picks the least keys from `from` on, or goes on with it.
  Status fill(BytesView from) {
    if (next_interval_ == 0) left_some_ = false;
    while (cursor_ != nullptr || next_interval_ < probe_.terms.size()) {
      if (cursor_ == nullptr) open_next();
      for (;;) {
        SAGITTA_CHECK(view_.may_go_on());
        SAGITTA_TRY(const bool more, std::exchange(opened_, false) ? cursor_->first() : cursor_->next());
        if (!more) break;
        pick(cursor_->posting().row_key, from);
      }
      cursor_.reset();
    }
    filled_ = true;
    return {};
  }
  void open_next() {
    const Interval keys = keys_of(probe_.index_id, probe_.terms[next_interval_++]);
    cursor_ = std::make_unique<PostingCursor>(view_.postings(keys.from, keys.to));
    opened_ = true;
  }
  void pick(BytesView key, BytesView from) {
    if (key < from) return;
    // Once a key was left, every greater one is: what is held has no gaps.
    if (!left_some_ || key < *held_.rbegin()) hold(key);
  }
  void hold(BytesView key) {
    if (!held_.emplace(key).second) return;
    held_bytes_ += key.size();
    while (held_.size() > 1 && is_over()) {
      left_some_ = true;
      held_bytes_ -= held_.rbegin()->size();
      held_.erase(std::prev(held_.end()));
    }
  }
  bool is_over() const { return held_.size() > kHeldKeys || held_bytes_ > kHeldBytes; }

  const rows::ReadView& view_;
  const PostingProbe probe_;
  std::set<Bytes, std::less<>> held_;
  size_t held_bytes_ = 0;
  bool filled_ = false, left_some_ = false, opened_ = false;
  size_t next_interval_ = 0;
  std::unique_ptr<PostingCursor> cursor_;
};

/// Of rows that every probe means: whichever is behind goes to where the farthest is.
class CommonKeys final : public PostingKeys {
 public:
  CommonKeys(const rows::ReadView& view, std::vector<std::unique_ptr<PostingKeys>> all)
      : view_(view), all_(std::move(all)) {}

  Result<std::optional<BytesView>> seek(BytesView key) override {
    if (wanted_ < key) {
      wanted_ = key;
      agreed_ = 0;
    }
    for (; agreed_ < all_.size(); next_ = (next_ + 1) % all_.size()) {
      SAGITTA_CHECK(view_.may_go_on());
      SAGITTA_TRY(const auto found, all_[next_]->seek(wanted_));
      if (!found) return std::nullopt;
      agreed_ = *found == wanted_ ? agreed_ + 1 : 1;
      wanted_ = *found;
    }
    return BytesView(wanted_);
  }

 private:
  const rows::ReadView& view_;
  const std::vector<std::unique_ptr<PostingKeys>> all_;
  size_t next_ = 0, agreed_ = 0;
  Bytes wanted_;
};

}  // namespace

Result<bool> are_whole(const rows::ReadView& view, std::span<const PostingProbe> probes) {
  for (const PostingProbe& probe : probes) {
    SAGITTA_TRY(const auto stored, view.meta(posting_progress_key(probe.index_id)));
    const auto progress = stored ? Progress::decode(*stored) : std::optional(Progress());
    if (!progress) return fail(ErrorCode::kCorruption, "how far an index is built cannot be read");
    if (!progress->complete) return false;
  }
  return true;
}

std::unique_ptr<PostingKeys> open_keys(const rows::ReadView& view, std::span<const PostingProbe> probes) {
  std::vector<std::unique_ptr<PostingKeys>> all;
  for (const PostingProbe& probe : probes) {
    if (probe.is_equality) {
      all.push_back(std::make_unique<TermKeys>(view, probe));
    } else {
      all.push_back(std::make_unique<RangeKeys>(view, probe));
    }
  }
  if (all.size() == 1) return std::move(all.front());
  return std::make_unique<CommonKeys>(view, std::move(all));
}

}  // namespace sagitta::index
