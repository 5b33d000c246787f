// Searching. One pass computes the distance of every vector that may be found; candidates are then brought into order a
// batch at a time, so that k of n cost n + k log k, and a refill only the next batch.
#include <algorithm>
#include <bit>
#include <utility>

#include "sagitta/base/assert.h"

#include "index_impl.h"
#include "scorer.h"

namespace sagitta::ann {
namespace {

/// Candidates brought into order first; each further batch is twice as large as the one before.
constexpr size_t kBatchMin = 64;
/// Distances between two looks at the clock: some ten microseconds' worth.
constexpr uint64_t kDistancesPerLook = 256;

/// Keys order like (distance, slot).
uint64_t key_of(float distance, Slot slot) {
  const auto bits = std::bit_cast<uint32_t>(distance + 0.0F);  // -0 becomes +0: they are equal
  const uint32_t ordered = (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
  return uint64_t{ordered} << 32 | static_cast<uint32_t>(slot);
}

Candidate candidate_of(uint64_t key) {
  const auto ordered = static_cast<uint32_t>(key >> 32);
  const uint32_t bits = (ordered & 0x80000000) != 0 ? ordered & 0x7fffffff : ~ordered;
  return {.slot = Slot{static_cast<uint32_t>(key)}, .distance = std::bit_cast<float>(bits)};
}

}  // namespace

struct Cursor::Impl {
  Impl(const Index::Impl& i, std::span<const float> query, const SearchParams& p)
      : index(i), params(p), pin(i.gate.enter()), scratch(i.scratch.take()), batch(std::max<size_t>(p.k, kBatchMin)) {
    scratch->query.resize(query.size());
    store_form(index.options.metric, query, scratch->query);
  }
  ~Impl() { index.scratch.give_back(std::move(scratch)); }

  bool late() const { return params.clock != nullptr && params.deadline.passed(*params.clock); }
  bool end(Ended why) {
    stats.ended = why;
    return false;
  }
  void scan();
  bool may_go_on();
  bool order_more();
  Verdict judge(Slot slot);
  size_t next(size_t count, std::vector<Candidate>& out);

  const Index::Impl& index;
  const SearchParams params;
  const Pin pin;
  std::unique_ptr<Scratch> scratch;
  SearchStats stats;
  size_t batch;
  size_t given = 0;    // keys before this are done with
  size_t ordered = 0;  // keys before this are in order, and nearer than the rest
};

bool Cursor::Impl::may_go_on() {
  if (stats.distances >= params.distances_max) return end(Ended::kWork);
  if (stats.distances % kDistancesPerLook == 0 && late()) return end(Ended::kDeadline);
  return true;
}

void Cursor::Impl::scan() {
  const Scorer score(index.options.metric, scratch->query);
  const SlotBitmap* bitmap = params.filter.bitmap;
  const uint32_t slots = index.store.end();
  scratch->keys.clear();
  scratch->keys.reserve(bitmap == nullptr ? index.store.counts().live : 0);
  for (uint32_t at = 0; at < slots; ++at) {
    const Slot slot{at};
    if (bitmap != nullptr && !bitmap->test(slot)) continue;
    if (!index.store.is_found(slot, params.now_us)) continue;
    if (!may_go_on()) return;
    ++stats.distances;
    scratch->keys.push_back(key_of(score(index.store.vector(slot)), slot));
  }
}

bool Cursor::Impl::order_more() {
  std::vector<uint64_t>& keys = scratch->keys;
  if (ordered == keys.size()) return false;
  const size_t until = std::min(keys.size(), ordered + batch);
  const auto at = [&keys](size_t i) { return keys.begin() + static_cast<std::ptrdiff_t>(i); };
  if (until < keys.size()) std::nth_element(at(ordered), at(until), keys.end());
  std::sort(at(ordered), at(until));
  ordered = until;
  batch *= 2;
  return true;
}

Verdict Cursor::Impl::judge(Slot slot) {
  if (!params.filter.predicate) return index.store.is_live(slot) ? Verdict::kAccept : Verdict::kReject;
  ++stats.predicate_tests;
  return params.filter.predicate(slot);
}

size_t Cursor::Impl::next(size_t count, std::vector<Candidate>& out) {
  size_t found = 0;
  while (found < count && stats.ended != Ended::kPredicate && (given < ordered || order_more())) {
    // A row behind each predicate call may be dear, so the clock is asked each time; plain candidates are nearly free.
    if (params.filter.predicate && late()) {
      stats.ended = Ended::kDeadline;
      break;
    }
    const Candidate candidate = candidate_of(scratch->keys[given++]);
    const Verdict verdict = judge(candidate.slot);
    if (verdict == Verdict::kStop) {
      stats.ended = Ended::kPredicate;
    } else if (verdict == Verdict::kAccept) {
      out.push_back(candidate);
      ++found;
    }
  }
  return found;
}

Cursor::Cursor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;
size_t Cursor::next(size_t count, std::vector<Candidate>& out) { return impl_->next(count, out); }
const SearchStats& Cursor::stats() const { return impl_->stats; }

Result<Cursor> Index::open(std::span<const float> query, const SearchParams& params) const {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, query));
  auto cursor = std::make_unique<Cursor::Impl>(*impl_, query, params);
  cursor->scan();
  return Cursor(std::move(cursor));
}

Result<SearchAnswer> Index::search(std::span<const float> query, const SearchParams& params) const {
  if (params.k == 0) return fail(ErrorCode::kInvalid, "k must be at least 1");
  SAGITTA_TRY(Cursor cursor, open(query, params));
  SearchAnswer answer;
  cursor.next(params.k, answer.candidates);
  answer.stats = cursor.stats();
  return answer;
}

Status Index::score(std::span<const float> query, std::span<const Slot> slots, std::span<float> distances) const {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, query));
  SAGITTA_ASSERT(slots.size() == distances.size());
  const Pin pinned = pin();
  std::vector<float> stored(query.size());
  store_form(impl_->options.metric, query, stored);
  const Scorer score_one(impl_->options.metric, stored);
  for (size_t i = 0; i < slots.size(); ++i) {
    distances[i] = impl_->store.is_live(slots[i]) ? score_one(impl_->store.vector(slots[i]))
                                                  : std::numeric_limits<float>::infinity();
  }
  return {};
}

}  // namespace sagitta::ann
