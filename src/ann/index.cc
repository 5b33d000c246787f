#include "sagitta/ann/index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "sagitta/base/limits.h"

#include "index_impl.h"
#include "scorer.h"

namespace sagitta::ann {
namespace {

constexpr uint32_t kConnectionsMax = 512;
constexpr uint32_t kExpansionMax = 4096;
/// How far from 1 rounding may leave the length of a stored unit vector.
constexpr double kUnitTolerance = 1e-3;

constexpr std::array<std::string_view, 4> kLevelNames{"f32", "f16", "bf16", "i8"};
constexpr std::array<std::string_view, 2> kProfileNames{"compact", "fast"};

template <class Enum, size_t N>
std::optional<Enum> parse(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

Status check_range(std::string_view name, uint32_t value, uint32_t max) {
  if (value >= 1 && value <= max) return {};
  return fail(ErrorCode::kInvalid, fmt::format("{} is {}, must be from 1 to {}", name, value, max));
}

bool is_stored_form(Metric metric, std::span<const float> stored) {
  double squares = 0;
  for (float v : stored) {
    if (!std::isfinite(v)) return false;
    squares += double{v} * double{v};
  }
  return metric != Metric::kCosine || std::fabs(squares - 1) < kUnitTolerance;
}

}  // namespace

std::string_view to_string(Level level) { return kLevelNames[static_cast<size_t>(level)]; }
std::string_view to_string(Profile profile) { return kProfileNames[static_cast<size_t>(profile)]; }
std::optional<Level> parse_level(std::string_view name) { return parse<Level>(kLevelNames, name); }
std::optional<Profile> parse_profile(std::string_view name) { return parse<Profile>(kProfileNames, name); }

std::string_view to_string(Path path) { return path == Path::kGraph ? "graph" : "exact"; }

Result<Slot> Index::Impl::insert(std::span<const float> vector, Expiry expiry) {
  SAGITTA_TRY(const Slot slot, store.take_free(gate));
  store_form(options.metric, vector, store.writable(slot));
  store.publish(slot, expiry);
  return slot;
}

Status Index::Impl::check() const {
  std::lock_guard lock(writer);
  SAGITTA_CHECK(store.check());
  for (uint32_t at = 0; at < store.end(); ++at) {
    if (!store.is_live(Slot{at})) continue;
    if (!is_stored_form(options.metric, {store.vector(Slot{at}), options.dim})) {
      return fail(ErrorCode::kCorruption, fmt::format("the vector of slot {} is not one that insert stores", at));
    }
  }
  return {};
}

Index::Index(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Index::~Index() = default;

Result<std::unique_ptr<Index>> Index::make(const IndexOptions& options) {
  SAGITTA_CHECK(check_range("dimension", options.dim, limits::kVectorDimMax));
  SAGITTA_CHECK(check_range("connections", options.connections, kConnectionsMax));
  SAGITTA_CHECK(check_range("expansion_add", options.expansion_add, kExpansionMax));
  SAGITTA_CHECK(check_range("expansion_search", options.expansion_search, kExpansionMax));
  return std::unique_ptr<Index>(new Index(std::make_unique<Impl>(options)));
}

Result<Slot> Index::insert(std::span<const float> vector, Expiry expiry) {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, vector));
  std::lock_guard lock(impl_->writer);
  return impl_->insert(vector, expiry);
}

bool Index::erase(Slot slot) {
  std::lock_guard lock(impl_->writer);
  return impl_->store.retire(slot, impl_->gate);
}

Result<Slot> Index::replace(Slot old, std::span<const float> vector, Expiry expiry) {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, vector));
  std::lock_guard lock(impl_->writer);
  // A slot that is free now may be the one that insert takes.
  const bool was_live = impl_->store.is_live(old);
  SAGITTA_TRY(const Slot slot, impl_->insert(vector, expiry));
  if (was_live) impl_->store.retire(old, impl_->gate);
  return slot;
}

bool Index::set_expiry(Slot slot, Expiry expiry) {
  std::lock_guard lock(impl_->writer);
  return impl_->store.set_expiry(slot, expiry);
}

void Index::clear() {
  std::lock_guard lock(impl_->writer);
  for (uint32_t at = 0; at < impl_->store.end(); ++at) impl_->store.retire(Slot{at}, impl_->gate);
}

void Index::settle() {}
Pin Index::pin() const { return impl_->gate.enter(); }
bool Index::is_live(Slot slot) const { return impl_->store.is_live(slot); }
const IndexOptions& Index::options() const { return impl_->options; }
IndexCounts Index::counts() const { return impl_->store.counts(); }
Status Index::check() const { return impl_->check(); }

MemoryUse Index::memory() const {
  MemoryUse use = impl_->store.memory();
  use.scratch_bytes = impl_->scratch.bytes();
  return use;
}

}  // namespace sagitta::ann
