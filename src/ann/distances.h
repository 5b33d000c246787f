/// Distances from one query to slots: by code, by fine code, by stored vector.
#pragma once

#include <optional>
#include <span>

#include "sagitta/base/assert.h"

#include "codec.h"
#include "scratch.h"
#include "search_key.h"
#include "slot_store.h"
#include "vectors.h"

namespace sagitta::ann {

/// Offers a prefetch for everything it reads. Uses a scratch that it does not own; the caller holds
/// a pin. One thread.
class Distances {
 public:
  /// The largest batch of codes read together. Prefetch the next batch before reading this one.
  static constexpr size_t kTogether = 64;
  /// How many vectors to prefetch ahead of the one being read.
  static constexpr size_t kVectorsAhead = 4;

  /// `codec` is null before the codec is learnt.
  Distances(const SlotStore& store, const IndexOptions& options, const Codec* codec, std::span<const float> query,
            Scratch& scratch);
  Distances(const Distances&) = delete;
  Distances& operator=(const Distances&) = delete;

  /// The query in stored form.
  std::span<const float> query() const { return scratch_.query; }
  const Codec* codec() const { return codec_; }
  /// Call before by_codes() and by_fine_codes().
  void prepare_codes() {
    SAGITTA_ASSERT(codec_ != nullptr);
    codec_->prepare(scratch_.query, scratch_.code_query);
  }

  /// Estimates the distances of `count` slots, at most kTogether.
  void by_codes(const uint32_t* slots, size_t count, float* out) const;
  void ask_for_codes(std::span<const uint32_t> slots) const;

  bool has_fine_codes() const { return store_.shape().fine_bytes > 0; }
  /// Improves the estimates in `keys`, at most kTogether.
  void by_fine_codes(std::span<const SearchKey> keys, float* out) const;
  void ask_for_fine_code(uint32_t slot) const;

  /// False once a level without stored vectors (kI8) has its codec.
  bool has_vectors() const { return scorer_.has_value(); }
  bool has_vector(uint32_t slot) const { return !early_ || store_.has_early(slot); }
  float by_vector(uint32_t slot) const {
    SAGITTA_ASSERT(has_vectors() && has_vector(slot));
    return (*scorer_)(vector(slot));
  }
  void ask_for_vector(uint32_t slot) const;

 private:
  const std::byte* vector(uint32_t slot) const;

  const SlotStore& store_;
  Scratch& scratch_;
  const Codec* const codec_;
  const bool early_;  // kI8 before the codec: only whole vectors exist
  std::optional<Scorer> scorer_;
};

}  // namespace sagitta::ann
