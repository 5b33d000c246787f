// The public face of an index: options are checked here, everything else is passed on.
#include "sagitta/ann/index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sagitta/base/assert.h"
#include "sagitta/base/limits.h"

#include "index_impl.h"

namespace sagitta::ann {
namespace {

constexpr uint32_t kConnectionsMax = 512;
constexpr uint32_t kExpansionMax = 4096;
constexpr uint32_t kLinkThreadsMax = 64;
constexpr std::chrono::hours kInsertWaitMax(1);
constexpr std::array<std::string_view, 4> kLevelNames{"f32", "f16", "bf16", "i8"};
constexpr std::array<std::string_view, 2> kProfileNames{"compact", "fast"};

template <class Enum, size_t N>
std::optional<Enum> parse(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

Status check_range(std::string_view name, uint32_t value, uint32_t min, uint32_t max) {
  if (value >= min && value <= max) return {};
  return fail(ErrorCode::kInvalid, fmt::format("{} is {}, must be from {} to {}", name, value, min, max));
}

}  // namespace

std::string_view to_string(Level level) { return kLevelNames[static_cast<size_t>(level)]; }
std::string_view to_string(Profile profile) { return kProfileNames[static_cast<size_t>(profile)]; }
std::optional<Level> parse_level(std::string_view name) { return parse<Level>(kLevelNames, name); }
std::optional<Profile> parse_profile(std::string_view name) { return parse<Profile>(kProfileNames, name); }
std::string_view to_string(Path path) { return path == Path::kGraph ? "graph" : "exact"; }

Index::Index(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Index::~Index() = default;

Result<std::unique_ptr<Index>> Index::make(const IndexOptions& options) {
  SAGITTA_CHECK(check_range("dimension", options.dim, 1, limits::kVectorDimMax));
  SAGITTA_CHECK(check_range("connections", options.connections, 1, kConnectionsMax));
  SAGITTA_CHECK(check_range("expansion_add", options.expansion_add, 1, kExpansionMax));
  SAGITTA_CHECK(check_range("expansion_search", options.expansion_search, 1, kExpansionMax));
  SAGITTA_CHECK(check_range("link_threads", options.link_threads, 0, kLinkThreadsMax));
  const auto wait_us = options.insert_wait.count();
  if (wait_us < 0 || options.insert_wait > kInsertWaitMax) {
    return fail(ErrorCode::kInvalid, fmt::format("insert_wait is {} µs, must be from 0 to {}", wait_us,
                                                 std::chrono::microseconds(kInsertWaitMax).count()));
  }
  return std::unique_ptr<Index>(new Index(std::make_unique<Impl>(options)));
}

Reservation::Reservation(Reservation&& other) noexcept
    : reserved_(std::exchange(other.reserved_, nullptr)), count_(std::exchange(other.count_, 0)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  std::swap(reserved_, other.reserved_);
  std::swap(count_, other.count_);
  return *this;
}

Reservation::~Reservation() {
  if (reserved_ == nullptr) return;
  const size_t reserved = reserved_->fetch_sub(count_, std::memory_order_relaxed);
  SAGITTA_ASSERT(reserved >= count_);
}

Result<Reservation> Index::reserve(size_t count, Incoming incoming) {
  SAGITTA_CHECK(impl_->reserve(count, incoming));
  return Reservation(impl_->store.reserved(), count);
}

Result<Slot> Index::insert(std::span<const float> vector, Expiry expiry, Room room) {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, vector));
  return impl_->insert(vector, expiry, room, nullptr);
}

Status Index::make_room(Room room) { return impl_->make_room(room); }
bool Index::erase(Slot slot) { return impl_->erase(slot); }

Result<Slot> Index::replace(Slot old, std::span<const float> vector, Expiry expiry, Room room) {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, vector));
  return impl_->insert(vector, expiry, room, &old);
}

bool Index::set_expiry(Slot slot, Expiry expiry) { return impl_->set_expiry(slot, expiry); }
void Index::expired(int64_t now_us, size_t most, std::vector<Slot>& out) const {
  impl_->store.list_expired(now_us, most, out);
}
void Index::clear() { impl_->clear(); }
void Index::settle() { impl_->settle(); }
Pin Index::pin() const { return impl_->gate.enter(); }
bool Index::is_live(Slot slot) const { return impl_->store.is_live(static_cast<uint32_t>(slot)); }
const IndexOptions& Index::options() const { return impl_->options; }
Status Index::check() const { return impl_->check(); }

IndexCounts Index::counts() const {
  IndexCounts counts = impl_->store.counts();
  counts.fresh = impl_->fresh.size();
  counts.unsettled = impl_->unsettled();
  return counts;
}

MemoryUse Index::memory() const {
  MemoryUse use = impl_->store.memory();
  use.scratch_bytes = impl_->scratch.bytes();
  return use;
}

}  // namespace sagitta::ann
