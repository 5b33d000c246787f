// The public face of searching: one answer, a cursor that goes on, exact scores.
#include <limits>
#include <utility>

#include "sagitta/base/assert.h"

#include "search.h"

namespace sagitta::ann {

Cursor::Cursor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;
size_t Cursor::next(size_t count, std::vector<Candidate>& out) { return impl_->search.next(count, out); }
const SearchStats& Cursor::stats() const { return impl_->search.stats; }

Result<Cursor> Index::open(std::span<const float> query, const SearchParams& params) const {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, query));
  return Cursor(std::make_unique<Cursor::Impl>(*impl_, query, params));
}

Result<SearchAnswer> Index::search(std::span<const float> query, const SearchParams& params) const {
  SearchAnswer answer;
  SAGITTA_CHECK(search(query, params, answer));
  return answer;
}

Status Index::search(std::span<const float> query, const SearchParams& params, SearchAnswer& answer) const {
  if (params.k == 0) return fail(ErrorCode::kInvalid, "k must be at least 1");
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, query));
  Search search(*impl_, query, params);
  answer.candidates.clear();
  search.next(params.k, answer.candidates);
  answer.stats = search.stats;
  return {};
}

Status Index::score(std::span<const float> query, std::span<const Slot> slots, std::span<float> distances) const {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, query));
  SAGITTA_ASSERT(slots.size() == distances.size());
  const Pin pinned = pin();
  const ScratchPtr scratch = impl_->scratch.take();
  Distances of_query(impl_->store, impl_->options, impl_->codec(), query, *scratch);
  const bool by_codes = !of_query.has_vectors();
  if (by_codes) of_query.prepare_codes();
  for (size_t i = 0; i < slots.size(); ++i) {
    const auto slot = static_cast<uint32_t>(slots[i]);
    distances[i] = std::numeric_limits<float>::infinity();
    if (!impl_->store.is_live(slot)) continue;
    if (by_codes) {
      of_query.by_codes(&slot, 1, &distances[i]);
    } else if (of_query.has_vector(slot)) {
      distances[i] = of_query.by_vector(slot);
    }
  }
  return {};
}

}  // namespace sagitta::ann
